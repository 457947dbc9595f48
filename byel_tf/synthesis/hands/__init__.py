"""Hands before a face: their data, how they bend, and where they touch it."""
