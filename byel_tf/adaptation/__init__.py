"""Adaptation at test time: an export made anew for unlabelled photographs."""
