"""The time-driven model: every synapse is updated in every step, with dense matrices."""
