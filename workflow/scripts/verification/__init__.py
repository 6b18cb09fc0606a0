"""Verification: figure and printed tables."""
