"""Tools for compiled code: compilation and its cache, a clock, random numbers, prefetches."""
