"""What is wrong with a file: explain, mixed precision, verify."""
