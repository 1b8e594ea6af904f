"""A picture of one path: terrain over the curved Earth, the ray, its first Fresnel zone, what stands in it, losses."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from phusong.coverage.radio import Profile
from phusong.coverage.radio.diffraction import wavelength_m
from phusong.coverage.radio.link import Link
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import day, number
from phusong.maps.dressing import DRAWING, INK, SOFT, STYLE, dress, mark_synthetic

State = Literal["clear", "in_zone", "blocked", "unknown"]
CLEAR_ZONES = 0.6
"""Share of the first Fresnel zone's radius that planners keep free of obstacles [K]."""

_GROUND, _GROUND_EDGE = "#cbbfa6", "#7a6a4d"
_CLUTTER = "#86a873"
_RAY, _ZONE = "#0f5e77", "#7cc0d8"
_IN_ZONE, _OVER_RAY = "#d97706", "#c81e1e"


@dataclass(frozen=True)
class End:
    """One end of a path: its name ("" without one), place in degrees (WGS 84) and antenna height above ground."""

    name: str
    lon: float
    lat: float
    height_m: float


@dataclass(frozen=True)
class ProfileView:
    """One path as it is shown: between which ends, for which frequency, and by which sector (``link`` None: by none).

    ``azimuth_deg``: true, from the transmitter. ``source``: of the elevation. ``loss_db``: by ``model``, NaN
    if it is not known. ``outside``: limits of the model that the path breaks, as ``site_general.Outside`` names them.
    """

    study: str
    as_of: date
    synthetic: bool
    source: str
    profile: Profile
    tx: End
    rx: End
    azimuth_deg: float
    band_mhz: float
    effective_earth_factor: float
    model: str
    loss_db: float
    outside: tuple[str, ...] = ()
    link: Link | None = None

    @property
    def wide_m2(self) -> float:
        """Wavelength times length of the path: the first Fresnel zone's radius^2 is it times s (1 - s) at share s."""
        return wavelength_m(self.band_mhz) * float(self.profile.d_m[-1])


def state_of(profile: Profile) -> State:
    """``clear`` (0.6 of the first Fresnel zone is free), ``in_zone``, ``blocked`` or ``unknown`` (void on the way)."""
    if np.isnan(profile.ground_m).any():
        return "unknown"
    least = np.min(profile.clearance_zones[1:-1], initial=np.inf)
    return "blocked" if least < 0.0 else "in_zone" if least < CLEAR_ZONES else "clear"


def state_text(view: ProfileView, lang: Lang) -> str:
    """The state in a sentence, and in another what the model does not hold for."""
    state = say(f"profile.state.{state_of(view.profile)}", lang, share=number(CLEAR_ZONES, lang, decimals=1))
    if not view.outside:
        return state
    limits = ", ".join(say(f"profile.limit.{name}", lang) for name in view.outside)
    return f"{state} {say('profile.outside', lang, model=view.model, limits=limits)}"


def title_of(view: ProfileView, lang: Lang) -> str:
    """From where to where."""
    ends = (view.tx, view.rx)
    degrees = ({name: number(getattr(end, name), lang, decimals=5) for name in ("lon", "lat")} for end in ends)
    places = (say("profile.place", lang, **place) for place in degrees)
    return " → ".join(end.name or place for end, place in zip(ends, places, strict=True))


def profile_png(
    view: ProfileView, to: Path | IO[bytes], *, lang: Lang, width_px: int = 1600, bare: bool = False
) -> None:
    """Write a PNG of ``view`` to a path or an open file, said in ``lang``; names are drawn as they are.

    ``bare``: the path alone, low and wide, for a page that says beside it what the table and the lines say.
    """
    with DRAWING, mpl.rc_context(STYLE):
        wide_in, high_in = (8.4, 3.3) if bare else (11.0, 6.2)
        figure = Figure(figsize=(wide_in, high_in), dpi=width_px / wide_in)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.085, 0.3, 0.905, 0.68) if bare else (0.065, 0.195, 0.645, 0.625))
        _draw(axes, view, lang)
        if not bare:
            _write_table(figure, view, lang)
            _write_texts(figure, view, lang)
        figure.savefig(to, format="png", dpi=width_px / wide_in, facecolor="white", metadata={"Software": "phusong"})


def _draw(axes: Axes, view: ProfileView, lang: Lang) -> None:
    one = view.profile
    km, ground, top = one.d_m / 1000.0, one.ground_m + one.bulge_m, one.surface_m + one.bulge_m
    along = np.sin(np.linspace(0.0, np.pi / 2, 200)) ** 2  # close together at the ends, where the zone is round
    ray_m = one.ray_m[0] + along * (one.ray_m[-1] - one.ray_m[0])
    radius_m = np.sqrt(along * (1.0 - along) * view.wide_m2)
    upper, lower, along_km = ray_m + radius_m, ray_m - radius_m, along * km[-1]
    known = top[np.isfinite(top)]
    highest = max(float(known.max()), float(upper.max()))
    lowest = min(float(known.min()), float(one.ray_m.min()))
    span = max(highest - lowest, 20.0)
    high_in = axes.get_position().height * axes.figure.get_figheight()  # type: ignore[union-attr]
    floor, roof = lowest - 0.10 * span, highest + 0.66 / high_in * span  # room for the two lines above an obstacle
    axes.set(xlim=(0.0, km[-1]), ylim=(floor, roof))
    clutter = bool(np.nanmax(top - ground) > 0.0)
    if clutter:
        axes.fill_between(km, ground, top, color=_CLUTTER, linewidth=0)
    axes.fill_between(km, floor, ground, color=_GROUND, linewidth=0)
    axes.plot(km, ground, color=_GROUND_EDGE, linewidth=1.2)
    sea: dict[str, Any] = {"color": SOFT, "linewidth": 0.9, "linestyle": (0, (5, 4))}
    axes.plot(km, one.bulge_m, **sea)
    axes.fill_between(along_km, lower, upper, color=_ZONE, alpha=0.35, linewidth=0)
    inner: dict[str, Any] = {"color": _RAY, "linewidth": 0.8, "linestyle": ":"}
    for sign in (1.0, -1.0):
        axes.plot(along_km, ray_m + sign * CLEAR_ZONES * radius_m, **inner)
    axes.plot(km, one.ray_m, color=_RAY, linewidth=1.6)
    zones = np.nan_to_num(one.clearance_zones, nan=np.inf)
    marks = ((zones < CLEAR_ZONES) & (zones >= 0.0), _IN_ZONE), (zones < 0.0, _OVER_RAY)
    for where, colour in marks:
        for first, last in _runs(where):
            axes.plot(
                km[first:last],
                top[first:last],
                color=colour,
                linewidth=3.2,
                marker="o",
                markersize=2.6,
                markeredgewidth=0,
            )
    void: dict[str, Any] = {"facecolor": "#eef1f3", "edgecolor": "#94a3b8", "hatch": "////", "linewidth": 0.0}
    gaps = _runs(np.isnan(top))
    for first, last in gaps:
        axes.axvspan(km[first - 1], km[last], **void)
    for place, bottom in ((0, ground[0]), (-1, ground[-1])):
        axes.plot([km[place]] * 2, [bottom, one.ray_m[place]], color=INK, linewidth=2.6, clip_on=False)
        axes.plot(km[place], one.ray_m[place], "o", color=INK, markersize=4.5, clip_on=False)
    _mark_obstacle(axes, one, lang)
    dress(axes, say("profile.axis.distance", lang), say("profile.axis.height", lang), lang)
    share = number(CLEAR_ZONES, lang, decimals=1)
    handles: list[Any] = [
        Line2D([], [], color=_RAY, linewidth=1.6, label=say("profile.ray", lang)),
        Patch(facecolor=_ZONE, alpha=0.35, label=say("profile.zone", lang)),
        Line2D([], [], label=say("profile.inner_zone", lang, share=share), **inner),
        Patch(facecolor=_GROUND, label=say("profile.ground", lang)),
    ]
    if clutter:
        handles.append(Patch(facecolor=_CLUTTER, label=say("profile.clutter", lang)))
    if floor < float(one.bulge_m.max()):
        handles.append(Line2D([], [], label=say("profile.sea_level", lang), **sea))
    for (where, colour), code in zip(marks, ("profile.in_zone", "profile.over_ray"), strict=True):
        if where.any():
            handles.append(Line2D([], [], color=colour, linewidth=3.2, label=say(code, lang, share=share)))
    if gaps:
        handles.append(Patch(label=say("profile.void", lang), **void))
    where_to: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (-0.06, -0.465 / high_in), "borderpad": 0.0}
    axes.legend(handles=handles, **where_to, ncols=4, frameon=False, fontsize=8, columnspacing=1.2, handlelength=1.6)


def _mark_obstacle(axes: Axes, one: Profile, lang: Lang) -> None:
    """The point that hides most, if it reaches into the zone: how far, and how high above or below the ray."""
    place = one.obstacle
    if place is None or not one.clearance_zones[place] < CLEAR_ZONES:
        return
    at_km, top_m, over_m = one.d_m[place] / 1000.0, one.surface_m[place] + one.bulge_m[place], -one.clearance_m[place]
    blocked = over_m > 0.0
    told = say(
        "profile.obstacle_over" if blocked else "profile.obstacle_under",
        lang,
        over_m=number(abs(over_m), lang, decimals=0 if abs(over_m) >= 10 else 1),
        at_km=number(at_km, lang, decimals=2),
        top_m=number(one.surface_m[place], lang),
    )
    colour = _OVER_RAY if blocked else _IN_ZONE
    axes.plot([at_km] * 2, [one.ray_m[place], top_m], color=colour, linewidth=1.2)
    axes.plot(at_km, top_m, "^" if blocked else "v", color=colour, markersize=8, markeredgecolor="white")
    left, right = axes.get_xlim()
    share = (at_km - left) / (right - left)
    low, high = axes.get_ylim()
    above = blocked or top_m - low < 0.17 * (high - low)
    side = "left" if share < 0.25 else "right" if share > 0.75 else "center"
    axes.annotate(
        told,
        (at_km, max(top_m, one.ray_m[place]) if above else top_m),
        (0, 11 if above else -11),
        textcoords="offset points",
        ha=side,
        va="bottom" if above else "top",
        fontsize=9,
        weight="bold",
        color=colour,
        path_effects=[withStroke(linewidth=2.6, foreground="white")],
    )


def _runs(where: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First index of each run of true values, and the one behind its last."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(np.int8), [0]])))
    return list(zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True))


def _rows(view: ProfileView, lang: Lang) -> list[tuple[str, str]]:
    """The table beside the picture: name and value; a row without value is a heading."""
    one, link = view.profile, view.link

    def row(code: str, value: float, unit: str, decimals: int = 1) -> tuple[str, str]:
        text = number(value, lang, decimals=decimals).replace("-", "−")
        return say(f"profile.row.{code}", lang), f"{text} {unit}".rstrip() if np.isfinite(value) else text

    rows = [
        (say("profile.head.path", lang), ""),
        row("distance", one.d_m[-1] / 1000.0, "km", 2),
        row("azimuth", view.azimuth_deg, "°"),
        row("band", view.band_mhz, "MHz", 0),
        row("earth_factor", view.effective_earth_factor, "", 2),
        (say("profile.head.antennas", lang), ""),
        row("tx_ground", one.ground_m[0], "m", 0),
        row("tx_height", view.tx.height_m, "m"),
        row("rx_ground", one.ground_m[-1], "m", 0),
        row("rx_height", view.rx.height_m, "m"),
        (say("profile.head.losses", lang), ""),
        row("free_space", one.free_space_db, "dB"),
        row("diffraction", one.diffraction_db, "dB"),
        row("bullington", one.bullington_db, "dB"),
        row("spherical", one.spherical_excess_db, "dB"),
        row("loss", one.loss_db, "dB"),
    ]
    if abs(view.loss_db - one.loss_db) > 0.0:
        rows.append((say("profile.row.by_model", lang, model=view.model), row("loss", view.loss_db, "dB")[1]))
    if link is not None:
        rows += [
            (f"{link.sector['operator']} {link.sector['technology']}", ""),
            row("pilot", link.sector["pilot_power_dbm"], "dBm"),
            row("feeder", -link.sector["feeder_loss_db"], "dB"),
            row("gain", link.sector["antenna_gain_dbi"], "dBi"),
            row("pattern", -link.pattern_loss_db, "dB"),
            row("level", link.level_dbm, "dBm"),
            row("usable", link.sector["required_dbm"], "dBm"),
        ]
    return rows


def _write_table(figure: Figure, view: ProfileView, lang: Lang) -> None:
    strong = {say(f"profile.row.{code}", lang) for code in ("loss", "level")}
    part = {say(f"profile.row.{code}", lang) for code in ("bullington", "spherical")}
    y = 0.835
    for name, value in _rows(view, lang):
        bold = "bold" if name in strong or not value else "normal"
        if not value:
            y -= 0.014
        size = 9.5 if value else 10
        colour = SOFT if name in part else INK
        figure.text(0.745 if name in part else 0.733, y, name, fontsize=size, weight=bold, color=colour)
        figure.text(0.988, y, value, fontsize=size, weight=bold, color=colour, ha="right")
        y -= 0.0315


def _write_texts(figure: Figure, view: ProfileView, lang: Lang) -> None:
    title = title_of(view, lang)
    figure.text(0.012, 0.945, title, fontsize=15 if len(title) < 60 else 11, weight="bold", color=INK, va="center")
    soft: dict[str, Any] = {"color": SOFT, "va": "center"}
    figure.text(0.012, 0.895, state_text(view, lang), fontsize=10.5, color=INK, va="center")
    as_of = say("map.ui.as_of", lang, date=day(view.as_of, lang))
    figure.text(0.012, 0.858, f"{view.study}. {as_of}", fontsize=9.5, **soft)
    if view.synthetic:
        mark_synthetic(figure, lang, y=0.945)
    lines = [say("profile.method", lang), *([say("profile.source", lang, source=view.source)] if view.source else [])]
    for i, line in enumerate(lines):
        figure.text(0.012, 0.036 - 0.02 * i, textwrap.shorten(line, 180, placeholder=" …"), fontsize=8, **soft)
