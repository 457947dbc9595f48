"""Trainings of several variants and seeds, and what their difference is worth."""
