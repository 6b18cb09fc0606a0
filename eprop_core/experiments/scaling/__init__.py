"""Time and memory over numbers of MPI ranks."""
