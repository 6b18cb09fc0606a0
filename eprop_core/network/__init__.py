"""From parameters to the arrays of one rank: connections, values of neurons, memory."""
