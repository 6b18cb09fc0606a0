"""The packages in ``docs/explanation/architecture.md``: their layers, and a diagram of their imports."""

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


def diagram() -> str:
    """Return a Mermaid graph of packages and top-level modules.

    An arrow points from the importing to the imported package. It is left out if a longer chain of arrows connects the
    two.
    """
    graph = grimp.build_graph(*ROOTS, exclude_type_checking_imports=True, cache_dir=None)
    packages = {root: sorted(graph.find_children(root)) for root in ROOTS}
    lines = ["graph TD"]
    for root in ROOTS:
        lines.append(f"    subgraph {root}")
        for package in packages[root]:
            name = package.removeprefix(f"{root}.")
            lines.append(f"        {package}[{name}]" if graph.find_children(package) else f"        {package}({name})")
            graph.squash_module(package)
        lines.append("    end")
    for package in [package for root in ROOTS for package in packages[root]]:
        imported = graph.find_modules_directly_imported_by(package)
        for target in sorted(imported):
            if not any(graph.chain_exists(other, target) for other in imported - {target}):
                lines.append(f"    {package} --> {target}")
    return "\n".join(lines) + "\n"
