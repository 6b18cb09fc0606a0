"""Studies: tables of runs, figures, printed tables."""
