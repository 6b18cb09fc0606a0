"""The cost of locality: e-prop compared with backpropagation through time."""
