"""Modules that the scripts of all experiments share."""
