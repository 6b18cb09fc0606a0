"""Tables as CSV (all digits), Markdown and LaTeX (booktabs; as printed)."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def write(
    numbers: pd.DataFrame, printed: pd.DataFrame, files: Sequence[str], caption: str, label: str, note: str = ""
) -> None:
    """Write ``numbers`` to the first of ``files``, and ``printed``, whose cells are text, to the second and third.

    ``note`` explains marks in the cells: it ends the caption of the third, and stands below the second.
    """
    csv, markdown, latex = map(Path, files)
    numbers.to_csv(csv, index=False)
    below = f"\n{note}\n" if note else ""
    aligned = ["right" if _is_number(printed[column]) else "left" for column in printed]
    markdown.write_text(printed.to_markdown(index=False, colalign=aligned, disable_numparse=True) + "\n" + below)
    latex.write_text(
        printed.style.hide(axis="index")
        .format(escape="latex")
        .format_index(escape="latex", axis="columns")
        .to_latex(
            hrules=True,
            column_format="".join("r" if side == "right" else "l" for side in aligned),
            caption=f"{caption} {note}".rstrip(),
            label=f"tab:{label}",
            position_float="centering",
        )
    )


def mean_with_interval(mean: float, high: float, scale: float, digits: int) -> str:
    """Return ``mean ± half width of the confidence interval``, without the interval where there is none, or nothing."""
    if pd.isna(mean):
        return ""
    text = f"{scale * mean:.{digits}f}"
    return text if pd.isna(high) else f"{text} ± {scale * (high - mean):.{digits}f}"


def p_value(p: float) -> str:
    """Return a p-value with the digits that mean something, or nothing where there is none."""
    if pd.isna(p):
        return ""
    return "<0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def _is_number(cells: pd.Series) -> bool:
    return bool(cells.str.match(r"^([-+<]?[\d.]|$)").all())
