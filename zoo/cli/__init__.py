"""What people do with the zoo, one file per command; no logic that the API does not have."""
