"""Recordings of a run: spikes and readouts, and values of chosen neurons and synapses over time."""
