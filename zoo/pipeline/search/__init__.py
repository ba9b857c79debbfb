"""Searching for the file that fits a device: candidates, their figures, and the Pareto front."""
