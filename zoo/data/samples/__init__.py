"""Examples without labels, from the files, folders and texts that a user names."""
