"""A still picture of one commune: villages by signal, masts, proposed sites, roads, water, ground without signal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullLocator
from matplotlib.transforms import Bbox
from shapely.geometry.base import BaseGeometry

from phusong.layers.grid import Grid, Raster
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import plain
from phusong.maps.dressing import DRAWING, INK, SOFT, STYLE, mark_synthetic, path_of
from phusong.maps.images import MERCATOR, frame_of, terrain_rgb, warp

STATES: tuple[tuple[str, str, str], ...] = (
    ("none_at_centre", "X", "#c81e1e"),
    ("none_at_cluster", "D", "#e07b00"),
    ("one_operator", "s", "#b08900"),
    ("other_gap", "^", "#7c3aed"),
    ("no_gap", "o", "#2f7d4f"),
    ("no_data", "o", "#ffffff"),
)
"""States of a village, worst first, with the mark and colour of each (marks differ, so that grey prints tell them)."""
DARK = 1
"""Value of the signal raster where there is none (0 no data, 2 and more covered)."""
WIDE_IN, MAP_SHARE = 6.0, 0.7
"""Width of the picture, inches (letters are measured by it), and the share of it that the map takes."""
_MARGIN_SHARE, _LEAST_SPAN_M = 0.10, 3000.0
_MOST_NAMES = 30
_SHIFTS_PT = ((0, 8), (0, -9), (9, 5), (-9, 5), (9, -7), (-9, -7), (0, 16), (0, -17))
_DARK_COLOUR = "#c81e1e"


@dataclass(frozen=True)
class CommuneMap:
    """What the picture shows; frames in any CRS (each carries its own), absent ones None.

    ``units``: polygons with ``code, name``; ``code``: the commune's. ``villages``: its points with ``name, state`` (of
    ``STATES``) and ``named`` (whether its name is written). ``sites``: masts in service (points). ``plan``: proposed
    sites (points with ``rank``). ``roads``, ``water``: lines or polygons. ``signal``: classes as in ``DARK``.
    """

    code: str
    units: gpd.GeoDataFrame
    synthetic: bool
    villages: gpd.GeoDataFrame | None = None
    sites: gpd.GeoDataFrame | None = None
    plan: gpd.GeoDataFrame | None = None
    roads: gpd.GeoDataFrame | None = None
    water: gpd.GeoDataFrame | None = None
    elevation: Raster | None = None
    signal: Raster | None = None


def commune_png(view: CommuneMap, to: Path | IO[bytes], *, lang: Lang, width_px: int = 1500) -> None:
    """Write a PNG of the commune, said in ``lang``; names are drawn as they are (no mathematics, no markup).

    KeyError if the commune is not among the units.
    """
    areas = view.units.to_crs(MERCATOR)
    own = areas.set_index("code").geometry[view.code]
    left, bottom, right, top = _extent(own)
    with DRAWING, mpl.rc_context(STYLE):
        wide, high = MAP_SHARE, (top - bottom) / (right - left)
        height_in = min(max(WIDE_IN * wide * high, 3.0), 7.0) + 0.1
        figure = Figure(figsize=(WIDE_IN, height_in), dpi=width_px / WIDE_IN)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.005, 0.01, wide, 0.98))
        axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", anchor="NW")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(NullLocator())
        axes.set_facecolor("#eef1f3")
        for spine in axes.spines.values():
            spine.set(color="#94a3b8", linewidth=0.8)
        box = shapely.box(left, bottom, right, top)
        handles: list[Patch | Line2D] = [*_draw_ground(axes, view, own, box, lang)]
        handles += _draw_lines(axes, view, box, lang)
        _draw_bounds(axes, areas, own, view.code, box)
        handles += [Patch(facecolor="none", edgecolor=INK, linewidth=1.8, label=say("commune_map.commune", lang))]
        taken: list[Bbox] = []
        points = _draw_sites(axes, view, box, lang, taken) + _draw_villages(axes, view, lang, taken)
        _scale_bar(axes, lang)
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (wide + 0.012, 0.985)}
        legend = figure.legend(handles=points + handles, frameon=False, fontsize=7.5, **place)
        legend.set_alignment("left")
        if view.synthetic:
            mark_synthetic(figure, lang, y=0.05)
        figure.savefig(to, format="png", dpi=width_px / WIDE_IN, facecolor="white", metadata={"Software": "phusong"})


def _extent(own: BaseGeometry) -> tuple[float, float, float, float]:
    """Bounds around the commune, no narrower than high by half nor the other way round."""
    left, bottom, right, top = own.bounds
    middle_x, middle_y = (left + right) / 2, (bottom + top) / 2
    span = max(right - left, top - bottom, _LEAST_SPAN_M)
    half_x = max(right - left, 0.75 * span) / 2 + _MARGIN_SHARE * span
    half_y = max(top - bottom, 0.75 * span) / 2 + _MARGIN_SHARE * span
    return middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y


def _draw_ground(axes: Axes, view: CommuneMap, own: BaseGeometry, box: BaseGeometry, lang: Lang) -> list[Patch]:
    """Relief, and where no signal was computed in the commune."""
    limits = axes.get_xlim(), axes.get_ylim()
    if view.elevation is not None and (near := _cropped(view.elevation, box)) is not None:
        frame = frame_of(near, longest_px=900)
        left, bottom, right, top = frame.bounds
        picture = terrain_rgb(near, frame)
        axes.imshow(picture, extent=(left, right, bottom, top), interpolation="bilinear", zorder=0)
        axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, facecolor="white", alpha=0.35, zorder=0.5))
    handles = []
    if view.signal is not None and (near := _cropped(view.signal, box)) is not None:
        frame = frame_of(near, longest_px=900)
        left, bottom, right, top = frame.bounds
        classes = np.nan_to_num(warp(near.values, near, frame, smooth=False))
        rgba = np.zeros((*classes.shape, 4))
        rgba[classes == DARK] = (*mpl.colors.to_rgb(_DARK_COLOUR), 0.22)
        shown = axes.imshow(rgba, extent=(left, right, bottom, top), interpolation="nearest", zorder=1)
        outline = PathPatch(path_of(own), transform=axes.transData)
        shown.set_clip_path(outline)
        handles.append(Patch(facecolor=_DARK_COLOUR, alpha=0.22, label=say("commune_map.no_signal", lang)))
    axes.set(xlim=limits[0], ylim=limits[1])
    return handles


def _draw_lines(axes: Axes, view: CommuneMap, box: BaseGeometry, lang: Lang) -> list[Line2D]:
    handles = []
    for frame, code, colour, width in (
        (view.water, "commune_map.water", "#6aa5c9", 1.0),
        (view.roads, "commune_map.road", "#7a6a5c", 1.0),
    ):
        if frame is None or not len(frame):
            continue
        near = frame.to_crs(MERCATOR)
        near = near[near.intersects(box)]
        for shape in shapely.get_parts(np.asarray(near.geometry.array)):
            if isinstance(shape, shapely.Polygon):
                axes.add_patch(PathPatch(path_of(shape), facecolor=colour, edgecolor="none", zorder=1.5))
            elif isinstance(shape, shapely.LineString):
                xy = np.asarray(shape.coords)
                axes.add_line(Line2D(xy[:, 0], xy[:, 1], color=colour, linewidth=width, zorder=2))
        if len(near):
            handles.append(Line2D([], [], color=colour, linewidth=1.6, label=say(code, lang)))
    return handles


def _draw_bounds(axes: Axes, areas: gpd.GeoDataFrame, own: BaseGeometry, code: str, box: BaseGeometry) -> None:
    """Outlines of the commune and its neighbours, and the neighbours' names."""
    near = areas[areas.intersects(box) & (areas["code"] != code)]
    halo = [withStroke(linewidth=2.0, foreground="white")]
    for name, shape in zip(near["name"], near.geometry, strict=True):
        style: dict[str, Any] = {"facecolor": "#f8fafc", "alpha": 0.45, "zorder": 2.5}
        axes.add_patch(PathPatch(path_of(shape), linewidth=0, **style))
        axes.add_patch(PathPatch(path_of(shape), facecolor="none", edgecolor="#64748b", linewidth=0.6, zorder=2.6))
        seen = shape.intersection(box.buffer(-0.06 * math.sqrt(box.area)))
        if seen.area > 0.02 * box.area:
            spot = seen.representative_point()
            text = axes.text(spot.x, spot.y, str(name), fontsize=6.5, color=SOFT, ha="center", va="center", zorder=2.7)
            text.set(path_effects=halo, style="italic", clip_on=True)
    axes.add_patch(PathPatch(path_of(own), facecolor="none", edgecolor=INK, linewidth=1.8, zorder=3))


def _draw_sites(axes: Axes, view: CommuneMap, box: BaseGeometry, lang: Lang, taken: list[Bbox]) -> list[Line2D]:
    handles = []
    for frame, code, marker, colour, size in (
        (view.sites, "commune_map.site", "^", "#0f5e77", 6.0),
        (view.plan, "commune_map.plan", "o", "#4c1d95", 10.0),
    ):
        if frame is None:
            continue
        near = frame.to_crs(MERCATOR)
        near = near[near.intersects(box)]
        if not len(near):
            continue
        edge: dict[str, Any] = {"marker": marker, "markeredgecolor": "white", "markeredgewidth": 0.7, "linestyle": ""}
        spots = near.geometry
        axes.add_line(Line2D(spots.x, spots.y, color=colour, markersize=size, zorder=4, **edge))
        taken += _boxes(axes, spots.x.to_numpy(), spots.y.to_numpy(), size)
        handles.append(Line2D([], [], color=colour, markersize=size - 1, label=say(code, lang), **edge))
        if "rank" in near and marker == "o":
            for x, y, rank in zip(spots.x, spots.y, near["rank"], strict=True):
                number = axes.text(x, y, str(rank), fontsize=6, color="white", weight="bold", zorder=4.1, clip_on=True)
                number.set(ha="center", va="center_baseline")
    return handles


def _draw_villages(axes: Axes, view: CommuneMap, lang: Lang, taken: list[Bbox]) -> list[Line2D]:
    """Villages by state, the best drawn first, and names where they fit."""
    if view.villages is None or not len(view.villages):
        return []
    frame = view.villages.to_crs(MERCATOR)
    handles: list[Line2D] = []
    for state, marker, colour in reversed(STATES):
        rows = frame[frame["state"] == state]
        if not len(rows):
            continue
        size = 5.0 if state in ("no_gap", "no_data") else 7.5
        edge = "#475569" if state == "no_data" else "white"
        style: dict[str, Any] = {"marker": marker, "color": colour, "markeredgecolor": edge, "markersize": size}
        style |= {"markeredgewidth": 0.7, "linestyle": ""}
        axes.add_line(Line2D(rows.geometry.x, rows.geometry.y, zorder=5, **style))
        taken += _boxes(axes, rows.geometry.x.to_numpy(), rows.geometry.y.to_numpy(), size)
        label = say(f"commune_map.{state}", lang, count=len(rows))
        handles.insert(0, Line2D([], [], label=label, **style))
    named = frame[frame["named"]].head(_MOST_NAMES)
    _write_names(axes, list(named["name"]), named.geometry.x.to_numpy(), named.geometry.y.to_numpy(), taken)
    return handles


def _boxes(axes: Axes, x: np.ndarray, y: np.ndarray, size_pt: float) -> list[Bbox]:
    half = size_pt * axes.figure.dpi / 72 / 2
    return [Bbox([middle - half, middle + half]) for middle in axes.transData.transform(np.c_[x, y])]


def _write_names(axes: Axes, names: Sequence[str], x: np.ndarray, y: np.ndarray, taken: list[Bbox]) -> None:
    """Names beside their points, off the marks, off each other and inside the frame; those that do not fit are left."""
    halo = [withStroke(linewidth=2.2, foreground="white")]
    frame = axes.get_window_extent()
    for name, spot_x, spot_y in zip(names, x, y, strict=True):
        text = axes.annotate(str(name), (spot_x, spot_y), (0, 0), textcoords="offset points", path_effects=halo)
        text.set(fontsize=7, color=INK, va="center", zorder=6)
        for shift in _SHIFTS_PT:
            text.xyann = shift
            text.set(ha="center" if shift[0] == 0 else "left" if shift[0] > 0 else "right")
            box = text.get_window_extent()
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
        else:
            text.remove()


def _scale_bar(axes: Axes, lang: Lang) -> None:
    """A bar of a round length on the ground: web Mercator stretches by 1 / cos(latitude)."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    lat = 2 * math.atan(math.exp((bottom + top) / 2 / 6378137.0)) - math.pi / 2
    wide_m = (right - left) * math.cos(lat)
    length_m = round_length(wide_m / 4)
    x0, y0 = left + 0.04 * (right - left), bottom + 0.045 * (top - bottom)
    x1 = x0 + length_m / math.cos(lat)
    halo = [withStroke(linewidth=4.0, foreground="white")]
    line: dict[str, Any] = {"color": INK, "linewidth": 2.2, "solid_capstyle": "butt", "path_effects": halo, "zorder": 7}
    axes.add_line(Line2D([x0, x1], [y0, y0], **line))
    text = axes.text((x0 + x1) / 2, y0 + 0.012 * (top - bottom), f"{plain(length_m / 1000.0, lang)} km", zorder=7)
    text.set(fontsize=7, color=INK, ha="center", va="bottom", path_effects=halo)


def round_length(longest_m: float) -> float:
    """The longest of 1, 2, 5, 10, 20, 50 ... that is no longer, m."""
    power = 10.0 ** math.floor(math.log10(longest_m))
    steps = (0.5, 1.0, 2.0, 5.0)  # the logarithm of a number just below a power of ten is rounded up to it
    return max(step * power for step in steps if step * power <= longest_m)


def _cropped(raster: Raster, box: BaseGeometry) -> Raster | None:
    """The part of a raster that a web Mercator box needs, two cells wider; None if they have nothing in common."""
    left, bottom, right, top = gpd.GeoSeries([box], crs=MERCATOR).to_crs(raster.grid.crs).total_bounds
    grid, (rows, cols) = raster.grid, raster.grid.shape
    col0 = max(0, math.floor((left - grid.bounds[0]) / grid.cell_m) - 2)
    col1 = min(cols, math.ceil((right - grid.bounds[0]) / grid.cell_m) + 2)
    row0 = max(0, math.floor((grid.bounds[3] - top) / grid.cell_m) - 2)
    row1 = min(rows, math.ceil((grid.bounds[3] - bottom) / grid.cell_m) + 2)
    if row1 - row0 < 2 or col1 - col0 < 2:
        return None
    place = (grid.bounds[0] + col0 * grid.cell_m, grid.bounds[3] - row0 * grid.cell_m)
    part = Grid(grid.crs, *place, grid.cell_m, (row1 - row0, col1 - col0))
    return Raster(part, np.ascontiguousarray(raster.values[row0:row1, col0:col1]), raster.tags)
