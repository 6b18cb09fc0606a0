"""What the scripts of all experiments share."""
