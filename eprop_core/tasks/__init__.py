"""Learning tasks: stimuli with targets and a learning window, and the scores of a network's responses."""
