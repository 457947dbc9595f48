"""Predictions for images in files, folders, lists and videos."""
