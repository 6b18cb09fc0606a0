"""Run the neurons of a graph of NIR in snnTorch, for an interpreter that has it (``simulators/snntorch``).

    python run_snntorch.py GRAPH.nir INPUT.npy SPIKES.npy

reads the input spikes, (n_steps, n_input), and writes those of the neurons, bool (n_steps, n_recurrent).
"""

import functools
import sys

import nir
import nirtorch
import numpy as np
import torch
from snntorch.import_nir import _nir_to_snntorch_module

if __name__ == "__main__":
    graph = nir.read(sys.argv[1])
    # snnTorch does not read leaky integrators without spikes.
    kept = ("input", "input_weights", "neurons", "recurrent_weights")
    nodes = {name: graph.nodes[name] for name in kept} | {
        "output": nir.Output({"output": graph.nodes["neurons"].r.shape})
    }
    edges = [edge for edge in graph.edges if set(edge) <= set(kept)] + [("neurons", "output")]
    # snnTorch 1.0 rewrites cycles before it imports a graph, and thereby sends the input through the recurrent weights.
    # So nirTorch, which it uses, connects the modules into which it converts the nodes.
    modules = {
        kind: functools.partial(_nir_to_snntorch_module, init_hidden=True) for kind in (nir.Affine, nir.LIF, nir.Linear)
    }
    network = nirtorch.nir_to_torch(nir.NIRGraph(nodes, edges), modules)
    spikes, state = [], None
    for inputs in torch.tensor(np.load(sys.argv[2]), dtype=torch.float32):
        answer, state = network(inputs[None], state)
        spikes.append(answer.detach().numpy()[0] > 0.0)
    np.save(sys.argv[3], np.array(spikes))
