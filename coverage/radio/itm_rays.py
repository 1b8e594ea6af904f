"""Irregular Terrain Model over the rays of a mast: the loss to every sample, where ``itm.py`` gives that of one path.

Along a ray the paths share their ground, and so most of their geometry (``itm_geometry.ray_paths``): sums for the
fitted lines, the hull for the transmitter's horizon, the search for the receiver's. Only the terrain irregularity,
which changes little from sample to sample, is read at some and interpolated between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.radio import itm_core as core
from phusong.coverage.radio import itm_geometry as geometry
from phusong.coverage.radio.itm import (
    CLIMATES,
    Conditions,
    ItmWarning,
    Quantiles,
    given_row,
    input_faults,
    input_warnings,
    refuse,
)
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import number

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

FINENESS = 16  # the irregularity is read anew after a sixteenth of the path
RAYS_AT_ONCE = 16  # of which the geometry is kept, to bound memory
WARNED = 1 + len(ItmWarning)  # counts that a map of losses comes with: its paths, and how many of them raised each
WARNING_COLUMNS = ("limit", "paths", "paths_in_all", "share_pct", "note")


@dataclass(frozen=True)
class RayLosses:
    """Loss over the rays of a mast, and how much of it is uncertain; of each band."""

    loss_db: list[F32]
    """(rays, longest): basic transmission loss; NaN where no sample was asked for."""
    warned: I64
    """(bands, WARNED): how many paths were computed, and how many of them raised each warning, lowest bit first."""


def itm_over_rays(
    ground_m: F32,
    start: I64,
    count: I64,
    first_m: F64,
    step_m: F64,
    *,
    surface_m: F32,
    tx_m: float,
    tx_ground_m: float,
    terminal_m: float,
    bands_mhz: Sequence[float],
    conditions: Conditions,
    quantiles: Quantiles,
    fineness: int = FINENESS,
) -> RayLosses:
    """Loss of each band to the samples of rays; the geometry is computed once.

    Sample j of ray i lies ``first_m[i] + j * step_m[i]`` (the first at most a step) from the antenna, which stands
    ``tx_m`` above sea level over ground at ``tx_ground_m``; the receiver stands ``terminal_m`` over the sample's
    ground. Asked for are the samples ``start[i]`` to ``count[i] - 1``. ``ground_m``, ``surface_m``: float32 (rays,
    longest), without voids, one array where there is no clutter. The model knows bare ground only: where there is
    clutter, its surface is taken for the ground between the ends. ``bands_mhz`` takes the place of the conditions'
    frequency.

    A short first step moves neither samples nor ends, but counts as a whole one in fitted lines and irregularity.
    ``fineness``: the terrain irregularity is read where the path has grown by this part of itself; with as many as
    samples, and whole first steps, the loss is that of ``itm_profile``.

    InputError: a value out of range, or ground so high or low that its refractivity leaves 150 to 400 N-units.
    """
    tx_height_m = tx_m - tx_ground_m
    rows, always = [], []
    for mhz in bands_mhz:
        here = replace(conditions, frequency_mhz=mhz)
        rows.append(
            given_row(tx_height_m, terminal_m, here, quantiles, input_faults(tx_height_m, terminal_m, here, quantiles))
        )
        always.append(input_warnings(tx_height_m, terminal_m, mhz))
    climate = CLIMATES[conditions.climate]
    losses = [np.full(ground_m.shape, np.nan, dtype=np.float32) for _ in rows]
    seen = np.zeros((len(rows), core.REFUSED), dtype=np.int64)
    paths = np.empty((min(RAYS_AT_ONCE, len(count)), ground_m.shape[1], core.PATH_SIZE))
    mast = float(tx_m), float(tx_ground_m), float(terminal_m), float(conditions.refractivity)
    for begin in range(0, len(count), RAYS_AT_ONCE):
        some = slice(begin, begin + RAYS_AT_ONCE)
        rays = ground_m[some], surface_m[some], start[some], count[some], first_m[some], step_m[some]
        geometry.ray_paths(*rays, *mast, fineness, paths)
        for row, loss_db, flags in zip(rows, losses, seen, strict=True):
            refused = core.ray_losses(paths, start[some], count[some], row, climate, loss_db[some], flags)
            if refused:
                refuse(refused)
    bits = np.array([flag.value for flag in ItmWarning])
    warned = np.empty((len(rows), WARNED), dtype=np.int64)
    for counts, flags, every in zip(warned, seen, always, strict=True):
        raised = np.flatnonzero(flags)
        counts[0] = flags.sum()
        counts[1:] = flags[raised] @ ((raised[:, None] | every.value) & bits != 0)
    return RayLosses(losses, warned)


def warning_counts(warned: I64) -> dict[ItmWarning, int]:
    """The warnings of ``RayLosses.warned``, of a band or summed, that were raised at all, and on how many paths."""
    return {flag: int(count) for flag, count in zip(ItmWarning, warned[1:], strict=True) if count}


def warning_table(warnings: Mapping[str, int], *, paths: int, lang: Lang) -> pd.DataFrame:
    """A row (``WARNING_COLUMNS``) a warning, the commonest first, ``note`` in words; ``paths``: in all."""
    rows = []
    for name, count in sorted(warnings.items(), key=lambda item: (-item[1], item[0])):
        share_pct = 100.0 * count / paths
        words = {"count": number(count, lang), "paths": number(paths, lang)}
        words |= {"share": number(share_pct, lang, decimals=1), "warning": say(f"itm.warning.{name}", lang)}
        rows.append((name, count, paths, share_pct, say("itm.warned", lang, **words)))
    return pd.DataFrame(rows, columns=list(WARNING_COLUMNS)).astype({"note": "str"})
