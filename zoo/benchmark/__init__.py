"""Driving the agent, and turning its samples into figures that can be trusted."""
