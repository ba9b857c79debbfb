"""Annotated pictures: boxes and masks."""
