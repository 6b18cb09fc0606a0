"""The packages in ``docs/explanation/architecture.md``: their layers, and what each imports."""

import re
import tomllib
from pathlib import Path

import grimp

ROOTS = ("workflow", "eprop_core")


def layers(project: Path) -> str:
    """Return the layers of packages that import-linter checks, the highest first, a line for each."""
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return "".join(
        f"{layer}\n" for contract in contracts if contract["type"] == "layers" for layer in contract["layers"]
    )


def imports(project: Path) -> str:
    """Return rows of a table of packages and top-level modules, in the order of their layers, with what they import.

    An import is left out if another imported package imports the same one, directly or through others. Packages that
    import nothing have no row.
    """
    graph = grimp.build_graph(*ROOTS, exclude_type_checking_imports=True, cache_dir=None)
    packages = {package for root in ROOTS for package in graph.find_children(root)}
    for package in packages:
        graph.squash_module(package)
    order = {package: place for place, package in enumerate(re.findall(r"[\w.]+", layers(project)))}
    rows = []
    for package in sorted(packages, key=lambda name: (order.get(name, -1), name)):
        imported = graph.find_modules_directly_imported_by(package)
        direct = [name for name in imported if not any(graph.chain_exists(via, name) for via in imported - {name})]
        if direct:
            names = ", ".join(f"`{name}`" for name in sorted(direct, key=lambda name: (order.get(name, -1), name)))
            rows.append(f"| `{package}` | {names} |\n")
    return "".join(rows)
