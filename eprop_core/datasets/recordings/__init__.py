"""Recordings of any origin: files and arrays whose events have times, as events in time steps."""
