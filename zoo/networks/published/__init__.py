"""Official weights: from where somebody publishes them to a checkpoint of ours."""
