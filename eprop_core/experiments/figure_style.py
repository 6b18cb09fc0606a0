"""The look of all figures of the pipeline."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from eprop_core.experiments.points import Label
from eprop_core.experiments.values import LOOKS
from eprop_core.parsing import Parameters, different


def _is_colour(text: str) -> str:
    if not re.fullmatch("#[0-9A-Fa-f]{6}", text):
        raise ValueError("must be a colour as #RRGGBB, such as #0072B2")
    return text


def _is_font(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9 _-]{0,99}", text):
        raise ValueError("must be the name of a font, of letters, digits, spaces, - and _")
    return text


Colour = Annotated[str, AfterValidator(_is_colour)]
FontName = Annotated[str, AfterValidator(_is_font)]
"""The family of a font that is installed; no file."""


class FigureStyle(Parameters):
    """Colours, font, sizes and labels of all figures. A change redraws figures, and repeats no run."""

    colours: Annotated[list[Colour], AfterValidator(different)] = Field(
        # Okabe and Ito's palette without black and yellow, which a thin line on white loses.
        ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"],
        min_length=LOOKS,
        max_length=LOOKS,
        description="colours of lines and markers in their order, as #RRGGBB",
    )
    font: FontName = Field("DejaVu Sans", description="font family, which must be installed where figures are drawn")
    font_size: float = Field(
        7.0,
        ge=4,
        le=14,
        description="font size of axes and legends; other text is scaled in proportion",
        json_schema_extra={"unit": "pt"},
    )
    one_column: float = Field(
        85.0, ge=60, le=150, description="width of small figures", json_schema_extra={"unit": "mm"}
    )
    two_columns: float = Field(
        180.0, ge=120, le=400, description="width of all other figures", json_schema_extra={"unit": "mm"}
    )
    line_width: float = Field(1.2, ge=0.2, le=5, description="width of curves", json_schema_extra={"unit": "pt"})
    marker_size: float = Field(
        3.5, ge=0.5, le=15, description="size of the markers of curves", json_schema_extra={"unit": "pt"}
    )
    labels: dict[Label, Label] = Field(
        {}, description="replacements of labels in figures, by the label as it appears there"
    )
