"""Values of parameters by their path."""

import json
from typing import Any


def value_at(parameters: dict[str, Any], path: str) -> Any:
    """Return the parameter at a path such as ``network.input.connectivity.probability``; other values as JSON."""
    value: Any = parameters
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int | float | str) else json.dumps(value)
