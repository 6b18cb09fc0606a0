"""Other simulators."""
