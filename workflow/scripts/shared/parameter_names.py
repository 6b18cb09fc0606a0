"""What the parameters are called in figures, tables and captions; needs nothing that the workflow itself has not."""

NAMES = {
    "network.input.connectivity.probability": "Input density",
    "network.recurrent.connectivity.probability": "Recurrent density",
    "network.output.connectivity.probability": "Output density",
    "network.feedback.connectivity.probability": "Feedback density",
    "network.n_recurrent": "Recurrent neurons",
    "input_rate": "Input rate (spikes/s)",
    "network.plasticity.optimizer.learning_rate": "Learning rate",
    "network.plasticity.c_reg": "Rate regularization",
    "network.plasticity.f_target": "Target rate (spikes/s)",
    "network.plasticity.kappa": "Eligibility filter κ",
    "network.plasticity.cutoff": "Cutoff (steps)",
    "network.input.delay": "Input delay (steps)",
    "network.recurrent.delay": "Recurrent delay (steps)",
    "network.output.delay": "Output delay (steps)",
    "network.feedback.delay": "Feedback delay (steps)",
    "network.neuron.tau_m": "Membrane time constant (ms)",
    "network.neuron.surrogate_gradient.function": "Surrogate gradient",
    "training.epochs": "Epochs",
}


def parameter_name(path: str) -> str:
    """Return what to write of a parameter, on an axis, in a table or a caption."""
    return NAMES.get(path, path.removeprefix("network.").replace(".", " ").replace("_", " "))
