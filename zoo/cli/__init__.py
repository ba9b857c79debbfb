"""What people do with the zoo, one file per command."""
