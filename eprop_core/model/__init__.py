"""The model in compiled code: neurons, synapses, the learning rule, and the loop over steps."""
