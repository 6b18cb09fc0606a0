"""What locality costs: e-prop against backpropagation through time."""
