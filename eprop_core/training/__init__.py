"""Training of networks on tasks: learning rates over time, validation, early end, checkpoints."""
