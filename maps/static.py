"""A still picture of a map view, for reports: communes by one indicator over the terrain, gaps, legend, date."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from phusong.layers.messages import Lang, say
from phusong.maps.classes import GAP_COLOUR, NO_DATA_COLOUR, class_index, classes_of
from phusong.maps.data import gap_village_points, numbers, plan_points, unit_text
from phusong.maps.images import MERCATOR, frame_of, terrain_rgb
from phusong.maps.view import MapIndicator, MapView

_FILL_ALPHA = 0.74
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "text.usetex": False,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,
}


def map_png(view: MapView, path: Path, *, indicator: str = "", lang: Lang | None = None, width_px: int = 1600) -> None:
    """Write a PNG of ``view`` to ``path``: the indicator of that id (empty: the view's first), said in ``lang``.

    Names and titles are drawn as they are (no mathematics, no markup). KeyError for an unknown indicator.
    """
    said: Lang = lang or view.lang
    chosen = _chosen(view, indicator or view.first_indicator)
    areas = view.units.to_crs(MERCATOR)
    left, bottom, right, top = areas.total_bounds
    margin_m = 0.04 * max(right - left, top - bottom)
    with mpl.rc_context(_STYLE):
        height_in = 11 * (top - bottom + 2 * margin_m) / ((right - left + 2 * margin_m) * 1.28) + 1.1
        figure = Figure(figsize=(11, min(max(height_in, 6.0), 14.0)), dpi=width_px / 11)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.01, 0.05, 0.76, 0.86))
        axes.set(xlim=(left - margin_m, right + margin_m), ylim=(bottom - margin_m, top + margin_m), aspect="equal")
        axes.xaxis.set_major_locator(NullLocator())
        axes.yaxis.set_major_locator(NullLocator())
        axes.set_facecolor("#eef1f3")
        for spine in axes.spines.values():
            spine.set_color("#cbd5e1")
        _draw_terrain(axes, view, areas)
        handles = _draw_indicator(axes, view, areas, chosen, said) if chosen is not None else []
        handles += _draw_gaps(axes, view, areas, said)
        axes.set(xlabel="", ylabel="")  # geopandas names the axes after the CRS
        if chosen is not None:
            _write_legend(figure, handles, _legend_title(chosen, said))
        _write_texts(figure, view, said)
        figure.savefig(path, dpi=width_px / 11, facecolor="white", metadata={"Software": "phusong"})


def _chosen(view: MapView, indicator: str) -> MapIndicator | None:
    if not indicator:
        return view.indicators[0] if view.indicators else None
    return {one.id: one for one in view.indicators}[indicator]


def _legend_title(indicator: MapIndicator, lang: Lang) -> str:
    unit = unit_text(indicator.unit)[lang]
    words = (indicator.label[lang] + (f" ({unit})" if unit else "")).split()
    lines = [""]
    for word in words:
        joined = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], joined] if len(joined) <= 26 else [*lines, word]
    return "\n".join(lines)


def _draw_terrain(axes: Axes, view: MapView, areas: gpd.GeoDataFrame) -> None:
    if view.elevation is None:
        return
    frame = frame_of(view.elevation, longest_px=1500)
    left, bottom, right, top = frame.bounds
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(terrain_rgb(view.elevation, frame, inside=list(areas.geometry)), extent=(left, right, bottom, top))
    axes.set(xlim=limits[0], ylim=limits[1])


def _draw_indicator(
    axes: Axes, view: MapView, areas: gpd.GeoDataFrame, indicator: MapIndicator, lang: Lang
) -> list[Patch | Line2D]:
    values = numbers(view.units, indicator.id)
    bounds, colours = classes_of(values, indicator)
    if indicator.kind == "yes_no":
        index = np.where(np.isfinite(values), values, -1).astype(np.int64)
        labels = [say("map.ui.no", lang), say("map.ui.yes", lang)]
    else:
        index = class_index(values, bounds)
        labels = [f"{_number(a, lang)} – {_number(b, lang)}" for a, b in pairwise(bounds)]
    edge: dict[str, Any] = {"edgecolor": "#475569", "linewidth": 0.35}
    handles: list[Patch | Line2D] = []
    for i, (colour, label) in enumerate(zip(colours, labels, strict=True)):
        chosen = areas[index == i]
        if len(chosen):
            chosen.plot(ax=axes, facecolor=colour, alpha=_FILL_ALPHA, aspect=None, **edge)
        handles.insert(0, Patch(facecolor=colour, label=label, alpha=0.9, **edge))
    unknown = areas[index < 0]
    if len(unknown):
        unknown.plot(ax=axes, facecolor=NO_DATA_COLOUR, hatch="////", aspect=None, edgecolor="#8a8a8a", linewidth=0.35)
        handles.append(
            Patch(facecolor=NO_DATA_COLOUR, hatch="////", edgecolor="#8a8a8a", label=say("map.ui.no_data", lang))
        )
    return handles


def _draw_gaps(axes: Axes, view: MapView, areas: gpd.GeoDataFrame, lang: Lang) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = []
    if view.gap_units is not None and len(view.gap_units):
        gaps = areas[areas["code"].isin(view.gap_units["code"])]
        gaps.boundary.plot(ax=axes, color=GAP_COLOUR, linewidth=1.3, aspect=None)
        label = say("map.static.gaps", lang, count=len(gaps))
        handles.append(Patch(facecolor="none", edgecolor=GAP_COLOUR, linewidth=1.6, label=label))
    for points, code, marker, colour, size in (
        (gap_village_points(view), "map.static.gap_villages", "^", "#d92d20", 5),
        (plan_points(view), "map.static.plan", "o", "#4c1d95", 6),
    ):
        if points is None or not len(points):
            continue
        places = points.geometry.to_crs(MERCATOR)
        drawn = Line2D(
            places.x, places.y, linestyle="", marker=marker, markersize=size, color=colour, markeredgecolor="white"
        )
        drawn.set(markeredgewidth=0.6, label=say(code, lang, count=len(points)))
        axes.add_line(drawn)
        handles.append(drawn)
    return handles


def _number(value: float, lang: Lang) -> str:
    text = f"{value:,.10g}".replace("-", "−")
    return text.translate(str.maketrans(",.", ".,")) if lang == "vi" else text


def _write_legend(figure: Figure, handles: list[Patch | Line2D], title: str) -> None:
    legend = figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.775, 0.915), frameon=False, fontsize=9)
    legend.set_title(title, prop=FontProperties(size=10.5, weight="bold"))
    legend.set_alignment("left")


def _write_texts(figure: Figure, view: MapView, lang: Lang) -> None:
    figure.text(0.012, 0.955, view.title, fontsize=17, weight="bold", color="#1e293b", va="center")
    if view.as_of:
        as_of = say("map.ui.as_of", lang, date=view.as_of)
        figure.text(0.012, 0.925, as_of, fontsize=10, color="#5b6779", va="center")
    if view.synthetic:
        box = {"facecolor": "#ffd666", "edgecolor": "none", "boxstyle": "round,pad=0.45"}
        note = say("map.ui.synthetic", lang)
        figure.text(
            0.988, 0.952, note, fontsize=10.5, weight="bold", color="#3d2c00", ha="right", va="center", bbox=box
        )
    if view.sources:
        source = say("map.static.source", lang, source="; ".join(view.sources))
        figure.text(0.012, 0.025, source[:170], fontsize=8, color="#5b6779", va="center")
