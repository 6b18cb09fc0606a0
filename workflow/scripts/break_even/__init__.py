"""Break-even: tables of runs, figure, printed table."""
