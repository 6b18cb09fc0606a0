"""Memory that the comparison of simulated with recorded saccades will need, however many images are compared."""

JOB_BYTES = 280_000_000
"""Python, the packages and the compiled sensor, and the images of MNIST's larger split, while they are unpacked."""
