"""Labelled samples of events: where they come from, and the form that tasks read them in."""
