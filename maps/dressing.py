"""How all still pictures look: letters, inks, diagrams' axes, the mark of synthetic data."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator
from shapely.geometry.base import BaseGeometry

from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import number

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "text.usetex": False,
    "text.parse_math": False,
    "hatch.linewidth": 0.6,
}
"""Names are drawn as they are: no mathematics, no markup."""
INK, SOFT = "#1e293b", "#5b6779"
DRAWING = Lock()
"""Held while a picture is drawn: the style is one for the whole process, two at once would undo each other's."""


def path_of(shape: BaseGeometry) -> Path:
    """The rings of a polygon or of several as one path."""
    polygons = [part for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon)]
    rings = [ring for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]
    return Path.make_compound_path(*(Path(np.asarray(ring.coords), closed=True) for ring in rings))


def dress(axes: Axes, x_name: str, y_name: str, lang: Lang) -> None:
    """Names, numbers of the language and a light grid, alike in all diagrams."""
    axes.set_xlabel(x_name, color=INK)
    axes.set_ylabel(y_name, color=INK)
    plain = FuncFormatter(
        lambda value, place: number(value, lang, decimals=0 if value == round(value) else 1).replace("-", "−")
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(plain)
    axes.tick_params(colors=SOFT, labelsize=9)
    axes.grid(color="#e2e8f0", linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(color="#cbd5e1", visible=side in ("left", "bottom"))


def mark_synthetic(figure: Figure, lang: Lang, *, y: float) -> None:
    """Say at the upper right, ``y`` of the figure's height, that the data are synthetic."""
    style: dict[str, Any] = {"fontsize": 10, "weight": "bold", "color": "#3d2c00", "ha": "right", "va": "center"}
    box = {"facecolor": "#ffd666", "edgecolor": "none", "boxstyle": "round,pad=0.45"}
    figure.text(0.988, y, say("map.ui.synthetic", lang), bbox=box, **style)
