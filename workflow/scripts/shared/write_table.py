"""Tables as CSV (all digits), Markdown and LaTeX (booktabs; as printed), with what a name holds as plain text."""

import math
import re
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from workflow.scripts.shared.left_out import MARKS, Reason, Reasons

NAMES = ("Network", "Series", "Variant")
"""Columns of text, even if that looks like numbers."""
DASH = "\u2013"
"""En dash: stands where a number is left out, with the mark of the reason."""


def write(
    numbers: pd.DataFrame,
    printed: pd.DataFrame,
    files: Sequence[str | Path],
    caption: str,
    label: str,
    note: str = "",
    not_in_latex: Collection[str] = (),
) -> None:
    """Write ``numbers`` to the first of ``files``, and ``printed``, whose cells are text, to the second and third.

    ``caption`` and ``note``, which explains other marks in the cells, are plain text. The note and why numbers are left
    out stand below the second, and end the caption of the third. That has the width of a page, and no columns that
    ``not_in_latex`` names.
    """
    csv, markdown, latex = map(Path, files)
    numbers.to_csv(csv, index=False)
    aligned = {
        str(column): "left" if column in NAMES or not _is_number(printed[column]) else "right" for column in printed
    }
    whole, (printed, left_out_where) = printed, with_footnotes(printed)
    notes = " ".join(filter(None, [note.strip(), left_out_where]))
    rows = _each(printed, escape_markdown).to_markdown(
        index=False, colalign=list(aligned.values()), disable_numparse=True
    )
    markdown.write_text("\n".join([rows, *(["", escape_markdown(notes)] if notes else [])]) + "\n", encoding="utf-8")
    chosen, left_out_where = with_footnotes(whole.drop(columns=list(not_in_latex), errors="ignore"))
    notes = " ".join(filter(None, [note.strip(), left_out_where]))
    latex.write_text(
        _latex(chosen, aligned, " ".join(filter(None, [caption, notes])), f"tab:{label}"), encoding="utf-8"
    )


def _latex(printed: pd.DataFrame, aligned: Mapping[str, str], caption: str, label: str) -> str:
    """Return a table in small print, with headings of several lines; wide columns of text are broken, too."""
    columns = [str(column) for column in printed]
    headings = {column: textwrap.wrap(column, _HEADING, break_long_words=False) for column in columns}
    widths = {
        column: _CHARACTER * max(map(len, [*headings[column], *printed[column]])) + _BETWEEN for column in columns
    }
    sides = {column: "r" if aligned[column] == "right" else "l" for column in columns}
    beyond = sum(widths.values()) - PAGE
    texts = [column for column in columns if sides[column] == "l"]
    for column in sorted(texts, key=lambda column: -widths[column]):
        width = widths[column] - _BETWEEN
        broken = max(width - beyond, _NARROWEST)
        if broken < width:
            sides[column] = f"p{{{broken:.0f}pt}}"
            beyond -= width - broken
    stacked = {
        column: rf"\begin{{tabular}}[b]{{@{{}}{sides[column][0].replace('p', 'l')}@{{}}}}"
        + r" \\ ".join(map(escape_latex, headings[column]))
        + r"\end{tabular}"
        for column in columns
    }
    text = (
        printed.map(escape_latex)
        .rename(columns=stacked)
        .style.hide(axis="index")
        .to_latex(
            hrules=True,
            column_format="@{}" + "".join(sides.values()) + "@{}",
            caption=escape_latex(caption),
            label=label,
            position_float="centering",
        )
    )
    return str(text).replace("\n\\begin{tabular}", f"\n{_SMALL}\n\\begin{{tabular}}", 1)


def read_markdown(text: str) -> tuple[pd.DataFrame, str]:
    """Return the table that :func:`write` has written as Markdown, as it is printed, and what stands below it."""
    table, _, notes = text.partition("\n\n")
    header, _, *rows = (
        [_unescape_markdown(cell) for cell in _CELL.findall(line)] for line in table.split("\n") if line
    )
    return pd.DataFrame(rows, columns=header), _unescape_markdown(notes)


def with_footnotes(printed: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return a printed table whose marks are the first letters of the alphabet, and what they say, if there are any."""
    in_table = {cell[:2] for column in printed for cell in printed[column]}
    reasons = dict(zip((reason for reason in Reason if DASH + reason.mark in in_table), MARKS, strict=False))
    letters = {DASH + reason.mark: DASH + mark for reason, mark in reasons.items()}
    printed = printed.map(lambda cell: letters.get(cell[:2], cell[:2]) + cell[2:])
    explained = "; ".join(f"{mark} where {reason.value}" for reason, mark in reasons.items())
    return printed, f"Left out: {explained}." if explained else ""


def cells(
    values: "pd.Series[float]", form: str, reasons: Reasons | None = None, spread: Sequence[str] | None = None
) -> list[str]:
    """Return numbers as they are printed in the format ``form``, followed by their ``spread`` in brackets.

    A number that is missing or not finite is a dash where one of the ``reasons`` holds, and else nothing.
    """
    result = []
    for position, value in enumerate(values):
        if math.isfinite(value):
            text = number(value, form)
            result.append(f"{text} ({spread[position]})" if spread is not None and spread[position] else text)
        else:
            result.append(left_out(position, reasons or {}))
    return result


def left_out(position: int, reasons: Reasons) -> str:
    """Return the dash, with its mark, for the first of ``reasons`` that holds in a row; nothing where none does."""
    return next((DASH + reason.mark for reason, holds in reasons.items() if holds.iloc[position]), "")


def number(value: float, form: str) -> str:
    """Return a number in the format ``form``, such as ``.1f``; what is rounded to zero has no sign."""
    return f"{value:z{form}}"


def two_digits(value: float) -> str:
    """Return a number with two significant digits and without a power of ten: 100, not 1e+02."""
    return f"{float(f'{value:.2g}'):.12g}"


def ranges(low: "pd.Series[float]", high: "pd.Series[float]", n: "pd.Series[int]", form: str) -> list[str]:
    """Return ranges as they are printed, nothing where there is a single value."""
    ends = zip(low, high, n, strict=True)
    return [f"{number(first, form)}-{number(last, form)}" if count > 1 else "" for first, last, count in ends]


def mean_with_interval(mean: float, high: float, scale: float, digits: int) -> str:
    """Return ``mean ± half width of the confidence interval``, without the interval where there is none, or nothing."""
    if pd.isna(mean):
        return ""
    form = f".{digits}f"
    text = number(scale * mean, form)
    return text if pd.isna(high) else f"{text} ± {number(scale * (high - mean), form)}"


def p_value(p: float) -> str:
    """Return a p-value with the digits that mean something, or nothing where there is none."""
    if pd.isna(p):
        return ""
    return "<0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def escape_markdown(text: str) -> str:
    """Return ``text`` as Markdown that shows it literally, in a cell or a line."""
    return re.sub(r"[\\`*_\[\]<>&|~$]", r"\\\g<0>", text)


def escape_latex(text: str) -> str:
    """Return ``text`` as LaTeX that shows it literally, whatever the encoding of the font."""
    return text.translate(_LATEX).replace("--", "-{}-").replace("''", "'{}'").replace(DASH, "--")


PAGE = 455.0
"""Width of the text on a page, pt: A4 with margins of 25 mm."""
_SMALL = r"\footnotesize\setlength{\tabcolsep}{2pt}"
_CHARACTER = 4.7
"""Mean width of a character in this size, pt, and a little more."""
_BETWEEN = 4.0
"""Width between two columns, pt."""
_HEADING = 12
"""Characters in a line of a heading."""
_NARROWEST = 60.0
"""Width of a column of broken text, pt."""
_CELL = re.compile(r"\| *((?:\\.|[^|\\])*?) *(?=\|)")
_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "`": r"\textasciigrave{}",
        **{mark: rf"\textsuperscript{{{letter}}}" for letter, mark in zip("abcdefghijklm", MARKS, strict=True)},
    }
)


def _unescape_markdown(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text.strip())


def _each(printed: pd.DataFrame, escape: Callable[[str], str]) -> pd.DataFrame:
    """Return the table with every cell and the head of every column escaped."""
    return printed.map(escape).rename(columns=escape)


def _is_number(column: pd.Series) -> bool:
    return bool(column.astype(str).str.match(rf"^([-+<]?[\d.]|{DASH}|$)").all())
