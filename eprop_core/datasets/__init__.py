"""Data sets of labelled event sequences: download, conversion to events, and the form that tasks read."""
