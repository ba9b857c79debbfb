"""The precision that networks are trained for."""

PRECISION = "int8"
