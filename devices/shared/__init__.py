"""What several kinds of devices have in common."""
