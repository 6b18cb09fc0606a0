"""Functions that the rules share."""
