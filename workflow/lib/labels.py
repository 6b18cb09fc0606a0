"""Labels of the style that replace no text: the texts of figures are known only once the figures are drawn."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from eprop_core.parsing import visible
from workflow.lib.configuration_file import with_lines

FIGURES = Path("results/figures")
KEYWORDS = ".//{http://purl.org/dc/elements/1.1/}subject//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
"""Path to the keywords in the metadata of an SVG file (:func:`workflow.scripts.shared.style.save`)."""


def unused(configuration: Mapping[str, Any], files: Sequence[str | Path]) -> Iterator[str]:
    """Yield a warning for each label that replaces no text of a figure; none if no figure was drawn with labels.

    Parameters
    ----------
    configuration
        The configuration that Snakemake has read.
    files
        The files from which it was read.
    """
    labels = (configuration.get("style") or {}).get("labels") or {}
    texts = sorted(_texts()) if labels else []
    where = ", ".join(map(str, files))
    for label in labels if texts else ():
        if label not in texts:
            close = difflib.get_close_matches(label, texts, n=1)
            hint = f"close to it: {visible(close[0])}" if close else "write a text as a figure has it, in one line"
            message = f"{where}: style.labels.{visible(label)}: no figure in {FIGURES} has this text; {hint}"
            yield with_lines(message, where, [file for file in map(Path, files) if file.exists()])


def _texts() -> set[str]:
    """Return the original texts of the figures that were drawn with labels."""
    trees = [ElementTree.parse(file) for file in FIGURES.glob("*.svg")]
    return {item.text or "" for tree in trees for item in tree.iterfind(KEYWORDS)}
