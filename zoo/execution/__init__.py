"""Running a file on a device through the agent: sessions, devices by name, output checks."""
