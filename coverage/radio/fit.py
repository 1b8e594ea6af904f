"""Fit of max(model, free space + k x diffraction) + offset to measured levels, with the statistics that judge it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phusong.coverage.radio.site_general import over_terrain
from phusong.layers.errors import InputError

F64 = NDArray[np.float64]
LEAST_POINTS = 20
LEAST_BEHIND_TERRAIN = 5  # points with diffraction, from which k is learnt
LEAST_DIFFRACTION_DB = 0.1


@dataclass(frozen=True)
class Residuals:
    """Measured less predicted level, dB: count, mean, standard deviation, root mean square; R2 of the levels.

    ``sigma_db`` divides by count - 1. ``r2`` = 1 - SSE / SST, NaN if all measured levels are the same; below 0 the
    prediction is worse than the mean of the measurements.
    """

    count: int
    bias_db: float
    sigma_db: float
    rmse_db: float
    r2: float


@dataclass(frozen=True)
class TerrainFit:
    """k and offset (positive: more loss than the model says), and how well they do.

    ``before``: k = 1, offset 0. ``after``: on the points that were fitted. ``hold_out``: every point predicted by a fit
    that did not see it. ``residual_db``: measured less predicted after the fit, NaN where a point was left out.
    ``on_terrain``: points where free space + k x diffraction is the greater; with few of them k says little.
    ``dropped``: points left out because a value is missing.
    """

    k: float
    offset_db: float
    before: Residuals
    after: Residuals
    hold_out: Residuals
    residual_db: F64
    on_terrain: int
    dropped: int


def fit_over_terrain(
    measured_dbm: ArrayLike,
    *,
    eirp_dbm: ArrayLike,
    model_db: ArrayLike,
    free_space_db: ArrayLike,
    diffraction_db: ArrayLike,
    group: ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
    k_limits: tuple[float, float] = (0.0, 2.0),
) -> TerrainFit:
    """k within ``k_limits`` and the offset of least squared error, to measured levels of shape (n,).

    ``eirp_dbm``: EIRP of the measured quantity towards each point, antenna pattern included. For a fixed k the best
    offset is a mean, and between the k at which a point changes sides of the maximum the error is a parabola: all
    pieces are compared, so the minimum is the global one. Points are held out in ``folds`` seeded parts; with ``group``
    (such as the site of each point) a group is never split, since neighbours resemble each other. Points with a missing
    value are dropped and counted. InputError below 20 points, below 5 with diffraction, or with fewer groups than
    folds.
    """
    columns = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (measured_dbm, eirp_dbm, model_db, free_space_db, diffraction_db))
    )
    if columns[0].ndim != 1:
        raise ValueError("measured levels are one row of numbers")
    known = np.all([np.isfinite(column) for column in columns], axis=0)
    measured, eirp, model, free, diffraction = (column[known] for column in columns)
    if np.any(diffraction < 0.0):
        raise ValueError("diffraction is a loss, 0 dB or more")
    count = len(measured)
    if count < LEAST_POINTS:
        raise InputError("link.error.few_points", count=count, least=LEAST_POINTS)
    behind = int(np.count_nonzero(diffraction >= LEAST_DIFFRACTION_DB))
    if behind < LEAST_BEHIND_TERRAIN:
        raise InputError("link.error.no_diffraction", count=behind, least=LEAST_BEHIND_TERRAIN)
    names = np.arange(count) if group is None else np.unique(np.asarray(group)[known], return_inverse=True)[1]
    part = _parts(names, folds=folds, seed=seed)

    def predicted(rows: NDArray[np.bool_], k: float, offset_db: float) -> F64:
        loss = over_terrain(
            model[rows], free_space_db=free[rows], diffraction_db=diffraction[rows], k=k, offset_db=offset_db
        )
        return eirp[rows] - loss

    def fitted(rows: NDArray[np.bool_]) -> tuple[float, float]:
        return _least_squares((eirp - measured)[rows], model[rows], free[rows], diffraction[rows], k_limits)

    every = np.ones(count, dtype=np.bool_)
    k, offset_db = fitted(every)
    held = np.empty(count)
    for fold in range(folds):
        held[part == fold] = predicted(part == fold, *fitted(part != fold))
    residual = np.full(len(known), np.nan)
    residual[known] = measured - predicted(every, k, offset_db)
    return TerrainFit(
        k,
        offset_db,
        residuals(measured, predicted(every, 1.0, 0.0)),
        residuals(measured, predicted(every, k, offset_db)),
        residuals(measured, held),
        residual,
        int(np.count_nonzero((diffraction >= LEAST_DIFFRACTION_DB) & (free + k * diffraction >= model))),
        int(len(known) - count),
    )


def residuals(measured_dbm: ArrayLike, predicted_dbm: ArrayLike) -> Residuals:
    """Statistics of measured against predicted levels; points with a missing value do not count, two must remain."""
    measured, predicted = np.asarray(measured_dbm, dtype=np.float64), np.asarray(predicted_dbm, dtype=np.float64)
    known = np.isfinite(measured) & np.isfinite(predicted)
    if int(known.sum()) < 2:
        raise InputError("link.error.few_points", count=int(known.sum()), least=2)
    error = measured[known] - predicted[known]
    squares, spread = float(np.sum(error**2)), float(np.sum((measured[known] - measured[known].mean()) ** 2))
    return Residuals(
        len(error),
        float(error.mean()),
        float(error.std(ddof=1)),
        (squares / len(error)) ** 0.5,
        1.0 - squares / spread if spread > 0.0 else float("nan"),
    )


def _parts(names: NDArray[np.int64], *, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each point: its group's, groups dealt out in seeded random order."""
    groups = int(names.max()) + 1
    if not 2 <= folds <= groups:
        raise InputError("link.error.few_groups", groups=groups, folds=folds)
    fold = np.empty(groups, dtype=np.int64)
    fold[np.random.default_rng(seed).permutation(groups)] = np.arange(groups) % folds
    return fold[names]


def _least_squares(
    loss: F64, model: F64, free: F64, diffraction: F64, k_limits: tuple[float, float]
) -> tuple[float, float]:
    """k and offset of least squared error of ``loss`` against max(model, free + k diffraction) + offset.

    A point counts its model below its own switch (model - free) / diffraction and the terrain above. Between two
    switches the error is loss - base - k x, with base = free and x = diffraction of the points on the terrain's side
    and base = model, x = 0 of the others; sums of base, base^2, x, x^2 and base x give its parabola's lowest point.
    """
    low, high = k_limits
    rough = diffraction > 0.0
    switch = np.where(model <= free, -np.inf, np.inf)
    np.divide(model - free, diffraction, out=switch, where=rough)
    order = np.argsort(switch, kind="stable")
    middle = float(np.mean(loss - free))  # takes the common part out of the squares
    on_model, on_terrain, x = loss - model - middle, loss - free - middle, np.where(rough, diffraction, 0.0)
    on_model, on_terrain, x, switch = on_model[order], on_terrain[order], x[order], switch[order]

    def running(before: F64, after: F64) -> F64:
        """Sums over all points with the first i on the terrain's side, i = 0 to n."""
        start = np.concatenate([[0.0], np.cumsum(after)])
        end: F64 = np.concatenate([[0.0], np.cumsum(before[::-1])])[::-1]
        return start + end

    none = np.zeros_like(x)
    n = len(loss)
    s_y, s_yy = running(on_model, on_terrain), running(on_model**2, on_terrain**2)
    s_x, s_xx, s_xy = running(none, x), running(none, x * x), running(none, on_terrain * x)
    var_x, cov, var_y = s_xx - s_x**2 / n, s_xy - s_x * s_y / n, s_yy - s_y**2 / n
    start = np.clip(np.concatenate([[-np.inf], switch]), low, high)
    end = np.clip(np.concatenate([switch, [np.inf]]), low, high)
    best = np.divide(cov, var_x, out=start.copy(), where=var_x > 1e-9 * np.maximum(s_xx, 1e-9))
    best = np.clip(best, start, end)
    error = var_y - 2.0 * best * cov + best**2 * var_x
    reachable = np.concatenate([[True], switch <= high]) & np.concatenate([switch >= low, [True]])
    error = np.where(reachable, error, np.inf)
    k = float(best[np.argmin(error)])
    return k, float(np.mean(loss - over_terrain(model, free_space_db=free, diffraction_db=diffraction, k=k)))
