"""The font of all figures, which must be installed where they are drawn."""

from eprop_core.experiments.figure_style import FigureStyle
from eprop_core.parsing import ParameterError


def check(style: FigureStyle, where: str = "") -> None:
    """Raise a :class:`ParameterError` if this machine lacks the font of a style; ``where`` names the configuration."""
    if style.font == FigureStyle().font:
        return  # comes with matplotlib, which then need not be loaded
    from matplotlib.font_manager import get_font_names

    if style.font not in get_font_names():
        raise ParameterError(
            f"{where}style.font = {style.font}: is not installed on this machine; `fc-list : family` lists what is"
        )
