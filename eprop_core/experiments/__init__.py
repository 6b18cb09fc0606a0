"""Experiments: each a folder with its parameters, its result, and a program that measures."""
