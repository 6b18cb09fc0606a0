"""Sensitivity: how far two trainings part that differ by one spike."""
