"""What is in a system, and what takes the space."""
