"""Saccades: figure and printed table."""
