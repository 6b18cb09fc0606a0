"""Wrong implementations of e-prop: each is a right one with one small mistake in its source.

By what is wrong: the right text, the wrong one, and the pitfall that the checker should name. They decide which
pitfalls a case of the set shows, and tests show that the checker rejects them.
"""

import types
from pathlib import Path
from typing import Any, NamedTuple

EXAMPLE = Path(__file__).parents[3] / "conformance" / "example.py"
LITERAL_MODEL = Path(__file__).parents[1] / "bellec_model.py"


class Mistake(NamedTuple):
    """Texts of a source that is right, what stands there instead, and the pitfall."""

    changes: dict[str, str]
    pitfall: str

    def made_in(self, path: Path) -> Any:
        """Return the module of a source with this mistake."""
        source = path.read_text(encoding="utf-8")
        for right, wrong in self.changes.items():
            assert source.count(right) == 1, right
            source = source.replace(right, wrong)
        module = types.ModuleType("wrong")
        exec(compile(source, str(path), "exec"), module.__dict__)
        return module


_TRACE = "of.trace = alpha[:, np.newaxis] * of.trace"
_FILTERED = 'of.filtered = rule["kappa"] * of.filtered + e'
_SPIKES = "spikes = (distance >= 0.0) & (refractory == 0) & ~clamped"
_DELIVERY = "return self.weight @ arriving.astype(self.weight.dtype)"
_UPDATES = """        if self.plastic:
            for i in np.flatnonzero(arriving):"""

OF_E_PROP_PLUS = {
    "a spike arrives one step late": Mistake(
        {'parameters["delay"], parameters["plastic"]': 'parameters["delay"] + 1, parameters["plastic"]'}, "arrival"
    ),
    "the constant current begins one step late": Mistake(
        {"received + current, lowest": "received + current * (t > 0), lowest"}, "constant current"
    ),
    "a spike does not reset the voltage": Mistake({"v - V_th if neuron": "v if neuron"}, "subtracting V_th"),
    "a spike subtracts the threshold with adaptation": Mistake(
        {"v - V_th if neuron": "v - V_th - beta * a if neuron"}, "adaptation"
    ),
    "a spike raises the threshold in its own step": Mistake(
        {"rate = rule": "a = a + spikes\n        rate = rule", "rho * a + spikes": "rho * a"}, "adaptation"
    ),
    "the refractory period is one step too long": Mistake(
        {'n_refractory = round(neuron["t_ref"] / dt)': 'n_refractory = round(neuron["t_ref"] / dt) + 1'},
        "refractory period",
    ),
    "the refractory period is rounded towards 0": Mistake(
        {'n_refractory = round(neuron["t_ref"] / dt)': 'n_refractory = int(neuron["t_ref"] / dt)'},
        "steps of the refractory period",
    ),
    "a neuron with V_reset is not clamped": Mistake(
        {'(refractory > 0) & (neuron["V_reset"] is not None)': "np.zeros(n_recurrent, bool)"}, "reset to V_reset"
    ),
    "the voltage has no lower bound": Mistake(
        {'lowest = -np.inf if neuron["V_min"] is None else neuron["V_min"]': "lowest = -np.inf"}, "V_min"
    ),
    "all neurons have the time constant of the first": Mistake(
        {"alpha, alpha_out = np.exp(-dt / tau_m)": "alpha, alpha_out = np.exp(-dt / tau_m[:1] + 0.0 * tau_m)"},
        "values per neuron",
    ),
    "the readouts rest at 0": Mistake({"answer = y + E_L": "answer = y"}, "readout at rest"),
    "kappa and alpha are swapped": Mistake(
        {
            _TRACE: _TRACE.replace("alpha[:, np.newaxis]", 'rule["kappa"]'),
            _FILTERED: _FILTERED.replace('rule["kappa"]', "alpha[:, np.newaxis]"),
        },
        "eligibility filter",
    ),
    "the eligibility is not filtered": Mistake({_FILTERED: "of.filtered = e"}, "eligibility filter"),
    "the filter has a factor 1 - kappa": Mistake(
        {_FILTERED: 'of.filtered = rule["kappa"] * of.filtered + (1.0 - rule["kappa"]) * e'}, "eligibility filter"
    ),
    "weights are updated after the delivery": Mistake(
        {
            _UPDATES: "        received = " + _DELIVERY.removeprefix("return ") + "\n" + _UPDATES,
            f"        {_DELIVERY}": "        return received",
        },
        "update before delivery",
    ),
    "the gradient is not reset": Mistake(
        {"self.next_step[i] = max(self.next_step[i], end)": "self.next_step[i] = self.next_step[i]"},
        "gradient of one interval",
    ),
    "the first spike updates weights": Mistake(
        {"            self.next_step[i] = emission\n            return": "            self.next_step[i] = 0"},
        "first spike",
    ),
    "the trace rises when a spike is emitted": Mistake(
        {"trace + of.arriving(t)[0]": "trace + of.emitted[t]", "trace + output.arriving(t)[0]": "trace + spikes"},
        "trace of arrivals",
    ),
    "the trace onto a readout decays as that onto a neuron": Mistake(
        {"output.trace = alpha_out * output.trace": "output.trace = alpha[0] * output.trace"}, "trace onto readouts"
    ),
    "the cutoff is one step too long": Mistake(
        {"(t < self.last_spike + self.cutoff)": "(t <= self.last_spike + self.cutoff)"}, "cutoff"
    ),
    "the surrogate gradient takes the voltage after the reset": Mistake(
        {
            "        psi = surrogate": "        jump = V_th if neuron['V_reset'] is None else v - neuron['V_reset']\n"
            "        after = distance - jump * ((distance >= 0.0) & (refractory == 0))\n        psi = surrogate",
            "(np.abs(distance) / surrogate": "(np.abs(after) / surrogate",
        },
        "surrogate gradient",
    ),
    "the surrogate gradient is not 0 while a neuron is refractory": Mistake(
        {"np.where(refractory > 0, 0.0, psi).astype(dtype)": "psi.astype(dtype)"},
        "surrogate gradient of refractory neurons",
    ),
    "the surrogate gradient of a clamped neuron is 0": Mistake(
        {"np.where(refractory > 0, 0.0, psi)": "np.where((refractory > 0) | clamped, 0.0, psi)"},
        "surrogate gradient at V_reset",
    ),
    "each surrogate gradient is piecewise linear": Mistake(
        {'SURROGATE_GRADIENTS[surrogate["function"]]': 'SURROGATE_GRADIENTS["piecewise_linear"]'},
        "function of the surrogate gradient",
    ),
    "the surrogate gradient ignores the adaptation": Mistake(
        {"(np.abs(distance) / surrogate": "(np.abs(v - V_th) / surrogate"}, "surrogate gradient of adaptive neurons"
    ),
    "the learning signal acts one step late": Mistake(
        {"learning_signal[s + signal_delay] * of": "learning_signal[s + signal_delay - 1] * of"},
        "time of the learning signal",
    ),
    "feedback comes from the other readouts": Mistake(
        {
            'feedback[of_feedback["target"], of_feedback["source"]] = of': "feedback[of_feedback['target'], "
            "n_readout - 1 - of_feedback['source']] = of"
        },
        "connections of feedback",
    ),
    "targets are shifted by the delay of the output": Mistake(
        {"(answer - target[t])": "(answer - target[max(0, t + 1 - output.delay)])"}, "delays"
    ),
    "errors outside of the learning window count": Mistake({"window[t] * (answer": "(answer"}, "learning window"),
    "weights have no bounds": Mistake(
        {'np.clip(weight + change, given["weight_min"], given["weight_max"])': "weight + change"}, "weight bounds"
    ),
    "the epsilon of Adam is inside the root": Mistake(
        {'(np.sqrt(v) + given["epsilon"])': 'np.sqrt(v + given["epsilon"])'}, "epsilon of Adam"
    ),
    "Adam counts updates": Mistake({"while self.n_adam[i] < n_steps:": "for _ in range(1):"}, "steps of Adam"),
    "Adam ignores optimize_each_step": Mistake(
        {"self.optimizer = rule": "own['optimize_each_step'] = False\n        self.optimizer = rule"},
        "optimize_each_step",
    ),
    "Adam takes a step beyond the cutoff with a gradient of 0": Mistake(
        {
            "            if self.active[step, i]:\n": "            if True:\n",
            "gradient_of_step(step, i)[exists]": "gradient_of_step(step, i)[exists] * self.active[step, i]",
        },
        "optimize_each_step",
    ),
    "the filter of the rate regularization lacks 1 - kappa_reg": Mistake(
        {'of.filtered_reg + (1.0 - rule["kappa_reg"]) * e': "of.filtered_reg + e"}, "rate regularization"
    ),
    "the regularized rate is that before the spikes of the step": Mistake(
        {
            "        rate = rule": "        regularization[t] = rule['c_reg'] * (rate - rule['f_target'] / 1000.0)\n"
            "        rate = rule",
            '        regularization[t] = rule["c_reg"] * (rate - rule["f_target"] / 1000.0)\n': "",
        },
        "rate regularization",
    ),
    "the target rate is in spikes per step": Mistake(
        {'rule["f_target"] / 1000.0)': 'rule["f_target"] * dt / 1000.0)'}, "target rate"
    ),
    "one filter serves error and rate": Mistake(
        {
            "of.filtered_history[t], of.reg_history[t] = of.filtered, of.filtered_reg": "of.filtered_history[t] = "
            'of.filtered\n            of.reg_history[t] = (1.0 - rule["kappa"]) * of.filtered'
        },
        "two filters",
    ),
    "the eligibility of adaptive neurons is that of others": Mistake(
        {"(of.trace - beta[:, np.newaxis] * of.epsilon)": "of.trace"}, "eligibility of adaptive neurons"
    ),
    "weights cross zero": Mistake({'if given["fixed_signs"]:': "if False:"}, "fixed signs"),
    "static projections learn": Mistake({"        if self.plastic:": "        if True:"}, "static projections"),
    "a spike uses learning signals that are still to come": Mistake(
        {"lag = max(0, signal_delay - 1 - projection.delay)": "lag = 0"}, "late learning signals"
    ),
    "symmetric feedback has the initial weights": Mistake(
        {
            'if kind != "symmetric":': 'if kind == "symmetric":\n        feedback[:] = output.weight.T\n    else:',
            'back = output.weight.T if kind == "symmetric" else feedback': "back = feedback",
        },
        "symmetric feedback",
    ),
    "adaptive feedback does not change": Mistake(
        {"adaptive_feedback = feedback if": "adaptive_feedback = feedback.copy() if"}, "adaptive feedback"
    ),
    "adaptive feedback takes the change after clipping": Mistake(
        {"feedback[i, exists] += change": "feedback[i, exists] += changed - weight"}, "adaptive feedback"
    ),
    "weights do not decay": Mistake({'decay=network["feedback"]["weight_decay"]': "decay=0.0"}, "weight decay"),
    "weights decay after the update": Mistake(
        {
            "        self.weight[exists, i] *= 1.0 - decay\n": "",
            "            self.optimize(i, exists, gradient, end, feedback)": "            self.optimize(i, exists, "
            "gradient, end, feedback)\n        self.weight[exists, i] *= 1.0 - decay",
        },
        "weight decay",
    ),
    "errors are differences also with cross-entropy": Mistake(
        {'if network["readout"]["loss"] == "cross_entropy":': "if False:"}, "cross-entropy"
    ),
}
"""Mistakes in ``conformance/example.py``."""

OF_BELLEC = {
    "a sample continues the traces of the sample before": Mistake(
        {
            "filtered = spikes.copy()": "filtered = spikes + 0.5",
        },
        "reset before samples",
    ),
    "a spike subtracts V_th before the decay": Mistake(
        {'v = alpha * v + weights["input"]': 'v = alpha * (v - V_th * z) + weights["input"]', " - V_th * z\n": "\n"},
        "delayed reset",
    ),
    "the mean of the rate regularizes the filtered eligibility": Mistake(
        {"rate_error[:, np.newaxis] * e / n_steps": "rate_error[:, np.newaxis] * e_bar / n_steps"}, "mean rate"
    ),
    "the update after the last sample is missing": Mistake(
        {"if n % rule.batch_size == 0:": "if n % rule.batch_size == 0 and n < n_samples:"}, "end of a sample"
    ),
    "Adam begins with the second update": Mistake({"self._n_updates = 0": "self._n_updates = 1"}, "updates of Adam"),
    "the epsilon of Adam is inside the root": Mistake(
        {"(np.sqrt(self._v) + given.epsilon)": "np.sqrt(self._v + given.epsilon)"}, "epsilon of Adam"
    ),
    "the filter has a factor 1 - kappa": Mistake(
        {"e_bar = rule.kappa * e_bar + e": "e_bar = rule.kappa * e_bar + (1.0 - rule.kappa) * e"}, "eligibility filter"
    ),
    "the refractory period is one step too long": Mistake(
        {"np.rint(t_ref / dt).astype(int)": "np.rint(t_ref / dt).astype(int) + 1"}, "refractory period"
    ),
    "each surrogate gradient is piecewise linear": Mistake(
        {
            "surrogate_gradient_of(surrogate, distance)": "surrogate.height * np.maximum(0.0, 1.0 - np.abs(distance) / "
            "surrogate.width)"
        },
        "function of the surrogate gradient",
    ),
    "the surrogate gradient is not 0 while a neuron is refractory": Mistake(
        {"np.where(refractory == 0, surrogate": "np.where(True, surrogate"}, "surrogate gradient of refractory neurons"
    ),
    "the eligibility of adaptive neurons is that of others": Mistake(
        {"(z_bar - beta[:, np.newaxis] * epsilon_a)": "(z_bar + 0.0 * epsilon_a)"}, "eligibility of adaptive neurons"
    ),
    "weights have no bounds": Mistake(
        {
            "np.clip(weights - given.learning_rate * gradient, given.weight_min, given.weight_max)": "weights - "
            "given.learning_rate * gradient"
        },
        "weight bounds",
    ),
    "the regularized rate is not divided by the steps": Mistake({"* e / n_steps": "* e"}, "mean rate"),
    "errors outside of the learning window count": Mistake(
        {"learning_window[:, np.newaxis] * (answer": "(answer"}, "learning window"
    ),
    "errors are differences also with cross-entropy": Mistake(
        {'if network.readout.loss == "cross_entropy" else readout': "if False else readout"}, "cross-entropy"
    ),
    "batches add their gradients": Mistake({"gradients[name] / rule.batch_size": "gradients[name]"}, "batches"),
    "the incomplete batch is applied": Mistake(
        {"if n % rule.batch_size == 0:": "if n % rule.batch_size == 0 or n == n_samples:"}, "batches"
    ),
}
"""Mistakes in ``eprop_core/verification/bellec_model.py``."""
