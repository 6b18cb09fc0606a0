"""The workflow: rules, scripts, and what they share."""
