"""Measurements that experiments share: times, memory, operations, the machine, and the provenance of results."""
