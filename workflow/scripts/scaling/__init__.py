"""Scaling: tables of runs, figures, printed tables."""
