"""A still picture of a map view, for reports: communes by one indicator over the terrain, gaps, names, legend, date."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

import geopandas as gpd
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullLocator
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from phusong.layers.messages import Lang, say
from phusong.maps.classes import GAP_COLOUR, NO_DATA_COLOUR, class_index, classes_of
from phusong.maps.data import date_text, gap_village_points, methods_of, numbers, plan_points, unit_text
from phusong.maps.dressing import DRAWING, INK, SOFT, STYLE, mark_synthetic, path_of
from phusong.maps.images import MERCATOR, frame_of, terrain_rgb
from phusong.maps.view import MapIndicator, MapView

_FILL_ALPHA = 0.74
_BADGE_PT = 10.0
_LEGEND_IN = 2.5
_MOST_NAMES = 40
_SHIFTS_PT = (
    (0, 0),
    (0, -11),
    (0, 11),
    (-16, 0),
    (16, 0),
    (0, -20),
    (0, 20),
    (-28, -11),
    (28, -11),
    (-28, 11),
    (28, 11),
)


class Terrain(NamedTuple):
    """The shaded terrain below a map, and its left, right, bottom and top, m, Web Mercator."""

    rgb: NDArray[np.uint8]
    extent: tuple[float, float, float, float]


class _Canvas(FigureCanvasAgg):
    """Draws when the picture is saved, and not after every layer as geopandas asks for."""

    def draw_idle(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: there is no window to keep up to date."""


def terrain_of(view: MapView) -> Terrain | None:
    """The terrain of a view, to be drawn below several maps of it; None without elevation."""
    if view.elevation is None:
        return None
    frame = frame_of(view.elevation, longest_px=1500)
    left, bottom, right, top = frame.bounds
    inside = list(view.units.to_crs(MERCATOR).geometry)
    return Terrain(terrain_rgb(view.elevation, frame, inside=inside), (left, right, bottom, top))


def map_png(
    view: MapView,
    path: Path | IO[bytes],
    *,
    indicator: str = "",
    lang: Lang | None = None,
    width_px: int = 1600,
    width_in: float = 11.0,
    terrain: Terrain | None = None,
) -> None:
    """Write a PNG of ``view`` to ``path``: the indicator of that id (empty: the view's first), said in ``lang``.

    Names and titles are drawn as they are (no mathematics, no markup). ``width_in``: the width at which letters have
    their size in points. ``terrain``: that of the view, where it is made already. KeyError for an unknown indicator.
    """
    said: Lang = lang or view.lang
    chosen = _chosen(view, indicator or view.first_indicator)
    areas = view.units.to_crs(MERCATOR)
    left, bottom, right, top = areas.total_bounds
    margin_m = 0.04 * max(right - left, top - bottom)
    with DRAWING, mpl.rc_context(STYLE):
        share = 1 - _LEGEND_IN / width_in
        height_in = width_in * share * (top - bottom + 2 * margin_m) / (right - left + 2 * margin_m) + 1.1
        figure = Figure(figsize=(width_in, min(max(height_in, 5.0), 14.0)), dpi=width_px / width_in)
        _Canvas(figure)
        axes = figure.add_axes((0.01, 0.05, share - 0.01, 0.86))
        axes.set(xlim=(left - margin_m, right + margin_m), ylim=(bottom - margin_m, top + margin_m), aspect="equal")
        axes.xaxis.set_major_locator(NullLocator())
        axes.yaxis.set_major_locator(NullLocator())
        axes.set_facecolor("#eef1f3")
        for spine in axes.spines.values():
            spine.set_color("#cbd5e1")
        _draw_terrain(axes, terrain or terrain_of(view))
        handles = _draw_indicator(axes, view, areas, chosen, said) if chosen is not None else []
        handles += _draw_gaps(axes, view, areas, said)
        axes.set(xlabel="", ylabel="")  # geopandas names the axes after the CRS
        _write_names(axes, view, areas)
        if chosen is not None:
            _write_legend(figure, handles, _legend_title(chosen, said), left=share + 0.005)
        _write_texts(figure, view, chosen, said)
        figure.savefig(path, format="png", dpi=width_px / width_in, facecolor="white", metadata={"Software": "phusong"})


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


def _draw_terrain(axes: Axes, terrain: Terrain | None) -> None:
    if terrain is None:
        return
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(terrain.rgb, extent=terrain.extent)
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
        for shape in gaps.geometry:  # on its own side of the boundary only, so that the eye knows which one it is
            outline = PathPatch(path_of(shape), facecolor="none", edgecolor=GAP_COLOUR, linewidth=2.2)
            axes.add_patch(outline)
            outline.set_clip_path(outline.get_path(), axes.transData)
        label = say("map.static.gaps", lang, count=len(gaps))
        handles.append(Patch(facecolor="none", edgecolor=GAP_COLOUR, linewidth=1.6, label=label))
    for points, code, marker, colour, size in (
        (gap_village_points(view).get("gap_villages"), "map.static.gap_villages", "^", "#d92d20", 5),
        (plan_points(view), "map.static.plan", "o", "#4c1d95", _BADGE_PT),
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
        if "rank" in points and marker == "o":
            for x, y, rank in zip(places.x, places.y, points["rank"], strict=True):
                middle: dict[str, Any] = {"ha": "center", "va": "center_baseline", "color": "white"}
                axes.text(x, y, str(rank), fontsize=6, weight="bold", **middle)
    return handles


def _write_names(axes: Axes, view: MapView, areas: gpd.GeoDataFrame) -> None:
    """Names of the districts (of the communes where there are none), off the badges and off each other."""
    named = areas.dissolve("district") if _has_districts(view) else areas.set_index("name")
    if len(named) > _MOST_NAMES:
        return
    plan = plan_points(view)
    figure = axes.figure
    pixels_pt = figure.dpi / 72
    taken: list[Bbox] = []
    if plan is not None and len(plan):
        places = plan.geometry.to_crs(MERCATOR)
        badge = _BADGE_PT * pixels_pt / 2
        taken = [
            Bbox([middle - badge, middle + badge]) for middle in axes.transData.transform(np.c_[places.x, places.y])
        ]
    halo = [withStroke(linewidth=2.4, foreground="white")]
    for name, shape in sorted(named.geometry.items(), key=lambda pair: -pair[1].area):
        spot = shape.representative_point()
        text = axes.annotate(str(name), (spot.x, spot.y), (0, 0), textcoords="offset points", path_effects=halo)
        text.set(fontsize=9, weight="bold", color=INK, ha="center", va="center")
        low, high = axes.transData.transform([(0, shape.bounds[1]), (0, shape.bounds[3])])[:, 1]
        small = high - low < 24 * pixels_pt  # an island: its name stands above it
        for shift in _SHIFTS_PT[1:] if small else _SHIFTS_PT:
            text.xyann = shift
            box = text.get_window_extent().padded(pixels_pt)
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
        else:
            text.remove()


def _has_districts(view: MapView) -> bool:
    return "district" in view.units and view.units["district"].nunique() > 1


def _number(value: float, lang: Lang) -> str:
    text = f"{value:,.10g}".replace("-", "−")
    return text.translate(str.maketrans(",.", ".,")) if lang == "vi" else text


def _write_legend(figure: Figure, handles: list[Patch | Line2D], title: str, *, left: float) -> None:
    legend = figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(left, 0.915), frameon=False, fontsize=9)
    legend.set_title(title, prop=FontProperties(size=10.5, weight="bold"))
    legend.set_alignment("left")


def _write_texts(figure: Figure, view: MapView, indicator: MapIndicator | None, lang: Lang) -> None:
    figure.text(0.012, 0.955, view.title, fontsize=17, weight="bold", color=INK, va="center")
    soft: dict[str, Any] = {"color": SOFT, "va": "center"}
    if view.as_of:
        as_of = say("map.ui.as_of", lang, date=date_text(view.as_of, lang))
        figure.text(0.012, 0.925, as_of, fontsize=10, **soft)
    if view.synthetic:
        mark_synthetic(figure, lang, y=0.952)
    methods = methods_of(view.units) if indicator is not None and indicator.placed else []
    notes = [say("map.ui.modelled", lang)] if indicator is not None and indicator.modelled else []
    per_line = round(150 * figure.get_figwidth() / 11)
    told = ". ".join([*notes, *(say(f"map.method.{method}", lang) for method in methods)])
    lines = textwrap.wrap(told, per_line, break_on_hyphens=False)
    if view.sources:
        source = say("map.static.source", lang, source="; ".join(view.sources))
        lines += textwrap.wrap(source, per_line, max_lines=2, placeholder=" …", break_on_hyphens=False)
    for i, line in enumerate(line for line in lines if line):
        figure.text(0.012, (0.38 - 0.135 * i) / figure.get_figheight(), line, fontsize=8, **soft)
