"""Memory, processors and threads that this process may use."""
