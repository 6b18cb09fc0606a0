"""Values of parameters by their path."""

import json
from typing import Any

from pydantic import BaseModel


def value_at(parameters: BaseModel, path: str) -> Any:
    """Return the parameter at a path such as ``network.input.connectivity.probability``; other values as JSON."""
    value: Any = parameters.model_dump(mode="json")
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int | float | str) else json.dumps(value)
