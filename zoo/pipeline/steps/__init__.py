"""The work of each step of a run; executed in isolated child processes."""
