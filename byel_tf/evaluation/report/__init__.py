"""The report of an evaluation: what it says, and its pictures."""
