"""Training runs over tasks, parameters and seeds."""
