"""What any Python program needs: files, errors, optional imports, worker processes, cache keys."""
