"""Hashes of source files that depend on the parsed code alone, not on comments, docstrings and layout."""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path


@functools.cache
def content_hash(file: Path) -> str:
    """Return a hash of a file: of its parsed code if it is Python's, else of its bytes."""
    content = file.read_bytes()
    if file.suffix == ".py":
        content = repr(list(_tokens(ast.parse(content)))).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _tokens(node: ast.AST) -> Iterator[str]:
    """Yield what tells parsed code from other code: kinds of nodes and values, without docstrings.

    The descriptions of parameters (``Field(description=...)``) are documentation, too.
    """
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                if not _is_documentation(part, node):
                    yield name
                    yield from _tokens(part)
            elif part is not None:
                yield f"{name}={part!r}"
    yield ")"


def _is_documentation(node: ast.AST, parent: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    of_field = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "Field"
    return of_field and isinstance(node, ast.keyword) and node.arg == "description"
