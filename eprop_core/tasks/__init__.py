"""What a network has to learn: stimuli with targets and a learning window, and how its answers are scored."""
