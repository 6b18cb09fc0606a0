"""Baselines: table of runs, figure, printed table."""
