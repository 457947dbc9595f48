"""Heads: the geometry that the renderer deforms, each read or generated."""
