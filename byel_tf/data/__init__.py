"""Prepared data sets: sources, records, manifest, input pipeline."""
