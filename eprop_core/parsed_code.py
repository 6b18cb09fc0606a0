"""Hashes of files by their parsed code: comments, docstrings, layout and the place of a file do not change them.

The cache of compiled kernels and the inputs of the pipeline's rules use them to find out whether code has changed.
"""

import ast
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path


@functools.cache
def content_hash(file: Path) -> str:
    """Return a hash of a file, 16 hexadecimal digits: of its parsed code if it is Python's, else of its bytes.

    In parsed code, neither comments nor docstrings count, nor the descriptions of parameters
    (``Field(description=...)``).

    Raises
    ------
    SyntaxError
        A Python file that cannot be parsed.
    OSError
        A file that cannot be read.
    """
    content = file.read_bytes()
    if file.suffix == ".py":
        parts: list[str] = []
        _describe(ast.parse(content), parts)
        content = "\n".join(parts).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def combined_hash(files: Mapping[str, Path]) -> str:
    """Return a hash of several files by name, 16 hexadecimal digits; it does not depend on their order."""
    lines = [f"{name} {content_hash(file)}\n" for name, file in sorted(files.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def _describe(node: ast.AST, parts: list[str]) -> None:
    """Append the type and the fields of a node and of all nodes below it."""
    parts.append(type(node).__name__)
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            parts.append(name)
            for element in value:
                if not isinstance(element, ast.AST):
                    parts.append(repr(element))
                elif not _is_documentation(element, node):
                    _describe(element, parts)
        elif isinstance(value, ast.AST):
            _describe(value, parts)
        else:
            parts.append(f"{name}={value!r}")
    parts.append(")")


def _is_documentation(node: ast.AST, parent: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.keyword) and node.arg == "description":
        return isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "Field"
    return False
