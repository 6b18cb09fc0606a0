"""What the rules share: plain, typed functions, of which a Snakefile holds none."""
