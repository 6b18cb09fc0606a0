"""Figures and tables of prepared data."""
