"""Spikes and weights against NEST, the time-driven model, other numbers of ranks, and exact gradients."""
