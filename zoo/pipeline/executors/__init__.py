"""Where steps are performed: on this machine, or as data by the workers of an executor."""
