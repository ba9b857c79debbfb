"""The one program that loads, runs and times files, the same on every device."""
