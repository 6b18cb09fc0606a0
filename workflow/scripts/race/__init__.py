"""The race: points that anyone may add, their figure and table."""
