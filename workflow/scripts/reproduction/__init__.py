"""Reproduction: what the results say about each claim of the paper."""
