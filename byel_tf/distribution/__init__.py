"""Devices, replicas and machines: what a run is spread over, and how they agree."""
