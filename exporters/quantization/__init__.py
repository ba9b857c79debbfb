"""Ranges of activations, and the choice of the calibration method."""
