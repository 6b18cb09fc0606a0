"""Interfaces to other simulators."""
