"""Simulators compared on the same network and input."""
