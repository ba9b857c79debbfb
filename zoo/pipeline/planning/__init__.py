"""The steps of a plan, each with its content address."""
