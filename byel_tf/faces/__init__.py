"""Faces in pictures: finding them, and the one geometry of their crops."""
