"""Verdicts on measurements: faster, slower, same, can't tell; within a budget, over it."""
