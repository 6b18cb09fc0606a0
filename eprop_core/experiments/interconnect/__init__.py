"""Latency and bandwidth between two MPI ranks."""
