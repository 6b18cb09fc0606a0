"""Print a summary of prepared data: samples, events, channels without events, balance of the classes or targets."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from eprop_core.datasets.prepared import load_together
from eprop_core.datasets.summary import Summary
from eprop_core.errors import DatasetError, printable
from eprop_core.experiments import command_line
from eprop_core.files.arguments import Parser
from eprop_core.files.text import read_json

SPLITS = ("train", "validation", "test")


def summarize(path: Path) -> Iterator[str]:
    """Yield the lines of a summary.

    Parameters
    ----------
    path
        A directory that ``prepare`` has written, or a file of ``EventDataset.save``.

    Raises
    ------
    DatasetError
        There are no prepared data, or they are damaged.
    """
    files = {path.stem: path}
    if path.is_dir():
        files = {name: path / f"{name}.npz" for name in SPLITS if (path / f"{name}.npz").is_file()}
        if not files:
            raise DatasetError(f"{path}: holds no prepared data; expected train.npz, as `prepare` writes it")
    splits = load_together(files.values())
    first = next(iter(splits.values()))
    learned = f"{first.n_classes} classes" if first.n_outputs is None else f"{first.n_outputs} targets"
    yield f"{printable(path)}: {first.n_channels} channels, {first.n_steps} steps, {learned}"
    summaries = {name: Summary.of(split) for name, split in splits.items()}
    yield _row("", summaries)
    for measure in next(iter(summaries.values())).measures:
        yield _row(measure, (f"{summary.measures[measure]:.6g}" for summary in summaries.values()))
    if first.n_outputs is not None:
        return
    names = _class_names(path, first.n_classes)
    yield _row("samples by class", [""] * len(summaries))
    for label, name in enumerate(names):
        yield _row(f"  {name}", (summary.samples_per_class[label] for summary in summaries.values()))


def _row(name: str, values: Iterable[object]) -> str:
    return f"{name[:47]:<48}" + "".join(f"{value!s:>12}" for value in values)


def _class_names(path: Path, n_classes: int) -> list[str]:
    description = path / "dataset.json"
    described = read_json(description) if description.exists() else None
    named = described.get("classes") if isinstance(described, dict) else None
    if named is not None and (not isinstance(named, list) or len(named) != n_classes):
        raise DatasetError(f"{description}: classes = {named}; expected the names of {n_classes} classes")
    return [printable(name) for name in named or range(n_classes)]


def main() -> None:
    """Run the command line."""
    parser = Parser(prog="python -m eprop_core summarize", description=__doc__)
    parser.add_argument("data", type=Path, help="a directory that `prepare` has written, or one of its .npz files")
    for line in summarize(parser.parse_args().data):
        print(line)


if __name__ == "__main__":
    command_line.run(main)
