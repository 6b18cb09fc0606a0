"""Simulated against recorded saccades."""
