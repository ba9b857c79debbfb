"""Running a file on a device."""
