"""A picture of a fit to measured levels: measured against predicted, residuals against distance, how well it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from phusong.coverage.radio.fit import Residuals, TerrainFit
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import day, number
from phusong.maps.dressing import INK, SOFT, STYLE, dress, mark_synthetic

_MODEL, _TERRAIN, _LINE = "#0f5e77", "#d97706", "#94a3b8"


@dataclass(frozen=True)
class FitView:
    """A fit as it is shown; arrays (n,) of the points used, ``on_terrain``: where the terrain decides."""

    study: str
    as_of: date
    synthetic: bool
    model: str
    fit: TerrainFit
    measured_dbm: NDArray[np.float64]
    predicted_dbm: NDArray[np.float64]
    distance_km: NDArray[np.float64]
    on_terrain: NDArray[np.bool_]


def fit_png(view: FitView, path: Path, *, lang: Lang, width_px: int = 1600) -> None:
    """Write a PNG of ``view`` to ``path``, said in ``lang``."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 6.2), dpi=width_px / 11)
        FigureCanvasAgg(figure)
        left, right = figure.add_axes((0.065, 0.30, 0.40, 0.53)), figure.add_axes((0.555, 0.30, 0.43, 0.53))
        _draw_levels(left, view, lang)
        _draw_residuals(right, view, lang)
        _write_texts(figure, view, lang)
        figure.savefig(path, dpi=width_px / 11, facecolor="white", metadata={"Software": "phusong"})


def _draw_levels(axes: Axes, view: FitView, lang: Lang) -> None:
    both = np.concatenate([view.measured_dbm, view.predicted_dbm])
    low, high = float(both.min()) - 3.0, float(both.max()) + 3.0
    axes.plot([low, high], [low, high], color=_LINE, linewidth=1.2)
    _points(axes, view, view.predicted_dbm, view.measured_dbm, lang)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.legend(loc="upper left", frameon=False, fontsize=8.5, handletextpad=0.3)
    dress(axes, say("fit.axis.predicted", lang), say("fit.axis.measured", lang), lang)


def _draw_residuals(axes: Axes, view: FitView, lang: Lang) -> None:
    sigma = view.fit.after.sigma_db
    axes.axhspan(-sigma, sigma, color="#e2e8f0", linewidth=0, label=say("fit.sigma_band", lang))
    axes.axhline(0.0, color=_LINE, linewidth=1.2)
    _points(axes, view, view.distance_km, view.measured_dbm - view.predicted_dbm, lang, named=False)
    axes.set_xlim(left=0.0)
    axes.legend(loc="upper right", framealpha=0.85, edgecolor="none", fontsize=8.5)
    dress(axes, say("profile.axis.distance", lang), say("fit.axis.residual", lang), lang)


def _points(
    axes: Axes, view: FitView, x: NDArray[np.float64], y: NDArray[np.float64], lang: Lang, *, named: bool = True
) -> None:
    for where, colour, code in (
        (~view.on_terrain, _MODEL, "fit.by_model"),
        (view.on_terrain, _TERRAIN, "fit.by_terrain"),
    ):
        label = say(code, lang, count=number(float(where.sum()), lang)) if named else None
        style: dict[str, Any] = {"alpha": 0.75, "edgecolor": "white", "linewidth": 0.4}
        axes.scatter(x[where], y[where], s=22, color=colour, label=label, **style)


def _write_texts(figure: Figure, view: FitView, lang: Lang) -> None:
    soft: dict[str, Any] = {"color": SOFT, "va": "center"}
    fit = view.fit
    figure.text(
        0.012, 0.945, say("fit.title", lang, model=view.model), fontsize=15, weight="bold", color=INK, va="center"
    )
    found = {"k": number(fit.k, lang, decimals=2), "offset": _signed(fit.offset_db, lang)}
    figure.text(0.012, 0.897, say("fit.found", lang, **found), fontsize=11, color=INK, va="center")
    as_of = say("map.ui.as_of", lang, date=day(view.as_of, lang))
    figure.text(0.012, 0.858, f"{view.study}. {as_of}", fontsize=9.5, **soft)
    if view.synthetic:
        mark_synthetic(figure, lang, y=0.945)
    figure.text(0.012, 0.022, say("fit.how", lang), fontsize=8, **soft)
    columns = (0.035, 0.42, 0.55, 0.70, 0.83, 0.94)
    heads = [say(f"fit.head.{name}", lang) for name in ("points", "bias", "sigma", "rmse", "r2")]
    _write_row(figure, 0.185, ["", *heads], columns, color=SOFT)
    for i, (name, one) in enumerate((("before", fit.before), ("after", fit.after), ("hold_out", fit.hold_out))):
        cells = [say(f"fit.row.{name}", lang), *_cells(one, lang)]
        _write_row(
            figure, 0.145 - 0.04 * i, cells, columns, color=INK, weight="bold" if name == "hold_out" else "normal"
        )


def _cells(one: Residuals, lang: Lang) -> list[str]:
    dbs = [
        f"{_signed(one.bias_db, lang)} dB",
        *(f"{number(v, lang, decimals=1)} dB" for v in (one.sigma_db, one.rmse_db)),
    ]
    return [number(float(one.count), lang), *dbs, number(one.r2, lang, decimals=2).replace("-", "−")]


def _signed(value: float, lang: Lang) -> str:
    text = number(value, lang, decimals=1)
    return text.replace("-", "−") if text.startswith("-") or not text.strip("0.,") else f"+{text}"


def _write_row(figure: Figure, y: float, cells: list[str], columns: tuple[float, ...], **style: Any) -> None:
    for place, (x, text) in enumerate(zip(columns, cells, strict=True)):
        figure.text(x, y, text, fontsize=10, va="center", ha="right" if place else "left", **style)
