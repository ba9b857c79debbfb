"""Built-in kinds of devices, and the agent that measures on all of them."""
