"""Drawn scenes, and how the detector's networks learn from them."""
