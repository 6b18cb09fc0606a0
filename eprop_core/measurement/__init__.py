"""What experiments measure about themselves and their machine."""
