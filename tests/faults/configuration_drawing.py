"""Draw faulty configurations: shipped ones and a tiny one, with mutations of values, sections, names and text."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from eprop_core import configuration
from workflow.lib import documentation

PROJECT = Path(__file__).parents[2]

TINY = """
tasks:
  waves:
    dataset: {name: sine_waves, n_steps: 50, n_input: 10, periods: [50]}
    network:
      n_recurrent: 10
      neuron: {V_th: 0.03}
      plasticity: {cutoff: 20, optimizer: {learning_rate: 1e-6}}
      input: {connectivity: {rule: pairwise_bernoulli, probability: 0.5}}
    training: {epochs: 3}
  cues:
    dataset:
      {name: evidence_accumulation, train_samples: 4, test_samples: 2, channels_per_group: 2, n_cues: 3, pause: 2,
       cue: 5, delay: 10, recall: 10}
    network: {n_recurrent: 10, readout: {loss: cross_entropy}}
    training: {epochs: 2, samples_per_group: 2}
  layers:
    dataset: {name: sine_waves, n_steps: 50, n_input: 10, periods: [50]}
    network:
      n_recurrent: 10
      groups: {first: {size: 6}, second: {size: 4, f_target: 20.0}}
      neuron: {V_th: 0.03}
      plasticity: {cutoff: 20, optimizer: {learning_rate: 1e-6}}
      input: {targets: {first: {}}}
      recurrent: {pairs: {first -> second: {}, second -> second: {weights: {scale: 0.5}}}}
      output: {sources: [second]}
    training: {epochs: 3}
studies:
  learning: {tasks: [waves, cues, layers], seeds: [1, 2], goals: {waves: 0.1}}
  sizes:
    tasks: [waves]
    seeds: [1, 2]
    series:
      size: {network.n_recurrent: [5, 10]}
      density: {network.input.connectivity.probability: [0.5, 0.25]}
  rules:
    tasks: [cues]
    seeds: [3, 1]
    variants: {as it is: {}, "no: cutoff": {network.plasticity.cutoff: null}}
  rates:
    tasks: [waves]
    seeds: [1]
    vary:
      network.plasticity.optimizer.learning_rate: [0.0, 1e-5]
      network.neuron.surrogate_gradient.function: [arctan, exponential]
  both:
    tasks: [cues]
    seeds: [1]
    grid: {network.n_recurrent: [5, 10], network.input.delay: [1, 3]}
"""
"""Runs in seconds."""

TEXTS = [
    "",
    " ",
    "a",
    "no",
    "null",
    "1",
    "1.0",
    "1e3",
    "nan",
    "True",
    "a b",
    "a\nb",
    "a\tb",
    "a\0b",
    "a\x1b[1mb",
    "ä",
    "ÄÖ",
    "漢字",
    "\u202eabc",
    "\u2028",
    "\ufeffa",
    "\U0001d6fc",
    "e\u0301",
    "a" * 100,
    "a" * 101,
    "a" * 300,
    "a" * 10_000,
    "$\\eta_$",
    "$x$",
    "$",
    "\\input{/etc/passwd}",
    "%",
    "#",
    "&",
    "_x",
    "x_",
    "<script>alert(1)</script>",
    "<b>",
    "`ls`",
    "$(ls)",
    "; ls",
    "'",
    '"',
    "{x}",
    "{{ x }}",
    "{0}",
    "%s",
    "*",
    "?",
    "[a-z]",
    "..",
    "../a",
    "/",
    "/etc/passwd",
    "~",
    "~/a",
    ".. raw:: html",
    "|x|",
    "a|b",
    "=1+1",
    "-x",
    "@x",
    "- a",
    "a,b",
    'a"b',
    "a;b",
    "\\",
    "a\\nb",
    "file:///etc/passwd",
    "http://x",
    "all",
    "learning",
    "waves",
    "report",
    "exchange",
    "scaling",
    "verification",
    "learning_runs",
    "data_digits",
    "dynamics_waves",
    "con",
    "x" * 255,
]
NUMBERS = [
    0,
    1,
    2,
    3,
    7,
    10,
    100,
    1000,
    -1,
    2**15,
    2**31 - 1,
    2**31,
    2**32,
    2**53,
    2**63 - 1,
    2**63,
    2**64 - 1,
    2**64,
    10**30,
    -(2**63),
    0.0,
    -0.0,
    0.5,
    1.0,
    1.5,
    -0.5,
    1e-5,
    0.1,
    1e-300,
    5e-324,
    1e16,
    1e300,
    1.7e308,
    -1e300,
    float("nan"),
    float("inf"),
    -float("inf"),
    0.9999999999999999,
    1.0000000000000002,
]
OTHERS: list[Any] = [
    None,
    True,
    False,
    [],
    {},
    [1],
    [1, 1],
    ["a"],
    [None],
    [[1]],
    {"a": 1},
    {"low": 1.0, "high": 2.0},
    [{}],
]
SNIPPETS = [
    "__use_yte__: true\n",
    "x: !!python/object/apply:os.system [true]\n",
    "studies: {}\n",
    "tasks: &t {a: *t}\n",
    "? [a]\n: b\n",
    "a: " + 200 * "[" + 200 * "]" + "\n",
    "a: " + 5000 * "9" + "\n",
    "a: 0x" + 5000 * "f" + "\n",
    "<<: [*a]\n",
    "---\na: 1\n",
    "...\n",
    "%YAML 1.2\n",
    "\t",
    "a: 'x\n",
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "\0",
    "\ufeff",
    "\u2028",
    "# comment\n",
    "&a",
    "*a",
    "!x ",
    "!!int 'a'",
    "no: 1\n",
    "on",
    "yes",
    "~",
    "010",
    "1:30",
    "0o7",
    "1_0",
    "2025-01-01",
    ".inf",
    ".nan",
    "1e3",
    "1.",
    "+1",
    "<<: {a: 1}\n",
    "= ",
    "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(f"a{n}: &a{n} [{','.join(9 * [f'*a{n - 1}'])}]\n" for n in range(1, 12)),
]


class Faulty(NamedTuple):
    """A configuration, and the names of what was changed in it; none if that is unknown."""

    content: bytes
    changed: list[str]


ADDITIONS = ("paper_cluster.yaml", "paper_large.yaml", "paper_quick.yaml")
"""Files that are no configurations of their own."""


def draw(random: np.random.Generator) -> Faulty:
    files = sorted(set((PROJECT / "config").glob("*.yaml")) - {PROJECT / "config" / name for name in ADDITIONS})
    text = TINY if random.random() < 0.6 else one_of(random, files).read_text(encoding="utf-8")
    if random.random() < 0.15:
        return Faulty(with_changed_text(random, text), [])
    values = json.loads(json.dumps(configuration._read_numbers(yaml.safe_load(text))))  # without shared sections
    if text == TINY:
        kept = {"learning", one_of(random, sorted(values["studies"]))}
        values["studies"] = {name: study for name, study in values["studies"].items() if name in kept}
    changed: list[str] = []
    for _ in range(1 if random.random() < 0.7 else int(random.integers(2, 5))):
        names = change(random, values)
        changed = [*changed, *names]
    return Faulty(written(values), changed)


def written(values: Any) -> bytes:
    """Return YAML; strings that no encoding has are dropped by it."""
    text = yaml.dump(values, sort_keys=False, allow_unicode=True, Dumper=yaml.SafeDumper)
    return text.encode("utf-8", "replace")


def one_of(random: np.random.Generator, values: Any) -> Any:
    return values[int(random.integers(len(values)))]


def _paths(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all values but the top."""
    inner = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _at(values: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        values = values[key]
    return values


def change(random: np.random.Generator, values: Any) -> list[str]:
    """Change something in ``values``; return the names of what was changed, of which a message must have one."""
    path = one_of(random, list(_paths(values)))
    section, key = _at(values, path[:-1]), path[-1]
    names = [str(part) for part in path if isinstance(part, str)][-3:]
    kinds = ("value", "value", "typed", "typed", "typed", "delete", "add", "key", "rename", "repeat", "study")
    kind = one_of(random, kinds)
    if kind == "value":
        section[key] = copy.deepcopy(_anything(random))
    elif kind == "typed":
        schema = _schema_at(path)
        section[key] = _drawn(random, schema) if schema is not None else _anything(random)
    elif kind == "delete":
        del section[key]
    elif kind == "add" and isinstance(section, dict):
        name = one_of(random, [str(key) + "x", "x", "name", "seed", *TEXTS])
        section[name] = _anything(random)
        names.append(name)
    elif kind == "key":
        target = _at(values, path) if isinstance(_at(values, path), dict) else section
        place = path if target is not section else path[:-1]
        schema = _schema_at(place)
        known = list((schema or {}).get("properties", {}))
        if isinstance(target, dict) and known:
            name = one_of(random, known)
            target[name] = _drawn(random, schema["properties"][name]) if schema else None
            names = [*names, name]
    elif kind == "rename" and isinstance(section, dict):
        name = one_of(random, [*TEXTS, "renamed", "renamed_2"])
        items = [(name if old == key else old, value) for old, value in section.items()]
        section.clear()
        section.update(items)
        names.append(name)
    elif kind == "repeat" and isinstance(section, list):
        section.extend([section[key]] * int(one_of(random, (1, 2, 1000))))
    elif kind == "study" and values.get("tasks") and isinstance(values["tasks"], dict):
        names = _add_study(random, values)
    return names


def _anything(random: np.random.Generator) -> Any:
    return one_of(random, one_of(random, (TEXTS, NUMBERS, NUMBERS, OTHERS)))


def _add_study(random: np.random.Generator, values: Any) -> list[str]:
    """Add a study of a few parameters of a task, with values that are drawn by their type."""
    task = one_of(random, list(values["tasks"]))
    if not isinstance(values.get("studies"), dict):
        values["studies"] = {}
    paths = [path for path in _paths(values["tasks"][task]) if all(isinstance(key, str) for key in path)]
    if not paths:
        return []
    changes: dict[str, Any] = {}
    for _ in range(int(random.integers(1, 4))):
        path = one_of(random, paths)
        schema = _schema_at(("tasks", task, *path))
        if schema is not None:
            changes[".".join(path)] = [_drawn(random, schema) for _ in range(int(random.integers(1, 4)))]
    kind = one_of(random, ("vary", "grid", "series", "variants"))
    if kind == "variants":
        of_kind: Any = {"first": {}}
        for path, of_path in changes.items():
            of_kind[one_of(random, TEXTS)] = {path: of_path[0]}
    elif kind == "series":
        of_kind = {one_of(random, TEXTS): {path: of_path} for path, of_path in changes.items()}
    else:
        of_kind = changes
    values["studies"]["added"] = {"tasks": [task], "seeds": [1, 2], kind: of_kind}
    return ["added"]


_SCHEMA = json.loads(documentation.schema())


def _schema_at(path: tuple[Any, ...]) -> dict[str, Any] | None:
    """Return the schema of the value at a path; None where it is unknown."""
    found = [_SCHEMA]
    for key in path:
        inner = []
        for schema in found:
            if isinstance(key, int):
                inner += [schema["items"]] if isinstance(schema.get("items"), dict) else []
            elif key in schema.get("properties", {}):
                inner.append(schema["properties"][key])
            else:
                others = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
                inner += [other for other in others if isinstance(other, dict)]
        found = [one for schema in inner for one in _alternatives(schema)]
    return found[0] if found else None


def _alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in schema:
        return _alternatives(_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    several = schema.get("oneOf") or schema.get("anyOf")
    return [one for other in several for one in _alternatives(other)] if several else [schema]


def _drawn(random: np.random.Generator, schema: dict[str, Any]) -> Any:
    """Return a value of the type that a schema describes, mostly allowed, often at a bound."""
    chosen = one_of(random, _alternatives(schema))
    if "const" in chosen:
        return chosen["const"]
    if "enum" in chosen:
        return one_of(random, chosen["enum"])
    kind = chosen.get("type")
    if kind == "boolean":
        return bool(random.integers(2))
    if kind == "null":
        return None
    if kind in ("integer", "number"):
        low = chosen.get("minimum", chosen.get("exclusiveMinimum", -3))
        high = chosen.get("maximum", chosen.get("exclusiveMaximum", low + 20))
        if kind == "integer":
            return int(one_of(random, (low, low + 1, low + 2, low + 5, high, high - 1, low - 1, high + 1)))
        return float(one_of(random, (low, high, low + 1e-9, low + 0.1, low + 1, (low + high) / 2, 1e-300, 1e300, high)))
    if kind == "string":
        return one_of(random, TEXTS)
    if kind == "array":
        items = chosen.get("items") or {}
        return [_drawn(random, items) if items else _anything(random) for _ in range(int(random.integers(0, 4)))]
    if kind == "object":
        drawn = {}
        for name, inner in chosen.get("properties", {}).items():
            if name in chosen.get("required", []) or random.random() < 0.15:
                drawn[name] = _drawn(random, inner)
        others = [chosen.get("additionalProperties"), *chosen.get("patternProperties", {}).values()]
        for other in others:
            if isinstance(other, dict):
                drawn |= {one_of(random, TEXTS): _drawn(random, other) for _ in range(int(random.integers(0, 3)))}
        return drawn
    return _anything(random)


def with_changed_text(random: np.random.Generator, text: str) -> bytes:
    """Return a text in which lines or letters are missing, repeated, exchanged or added."""
    lines = text.splitlines(keepends=True)
    at = int(random.integers(len(lines)))
    kind = one_of(
        random, ("repeat", "drop", "swap", "indent", "snippet", "snippet", "snippet", "cut", "bytes", "letters")
    )
    if kind == "repeat":
        lines.insert(int(random.integers(len(lines))), lines[at])
    elif kind == "drop":
        del lines[at]
    elif kind == "swap":
        other = int(random.integers(len(lines)))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "indent":
        lines[at] = one_of(random, (" ", "  ", "\t", "")) + lines[at].lstrip(" ") + one_of(random, ("", "x: 1\n"))
    elif kind == "snippet":
        place = int(random.integers(len(lines[at]))) if random.random() < 0.4 else 0
        lines[at] = lines[at][:place] + one_of(random, SNIPPETS) + lines[at][place:]
    elif kind == "cut":
        lines = lines[:at]
    elif kind == "bytes":
        content = bytearray("".join(lines).encode())
        for _ in range(int(random.integers(1, 4))):
            content[int(random.integers(len(content)))] = int(random.integers(256))
        return bytes(content)
    else:
        place = int(random.integers(len(lines[at])))
        lines[at] = lines[at][:place] + one_of(random, list(":-#'\"{}[],&*!|>%@`?~= x1\t")) + lines[at][place:]
    return "".join(lines).encode()
