"""The main job, from options to results."""
