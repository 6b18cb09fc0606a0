"""Networks in files: connections, weights and values of neurons; and checkpoints, with all state of a simulation."""
