"""ITU-R P.1812-7 as an area model: the loss at every sample of a mast's rays; diffraction and horizons come in.

Inland all the way and outdoors; the spread over places is that of the open, ``p1812.location_sigma_db``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.radio.atmosphere import effective_earth_factor
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M
from phusong.coverage.radio.p1812 import DUCT_EARTH_FACTOR, check_limits, location_sigma_db
from phusong.coverage.radio.p1812_terms import inverse_normal, loss_over_rays

__all__ = ["BETA_EARTH_RADIUS_M", "p1812_over_rays"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I16 = NDArray[np.int16]
I64 = NDArray[np.int64]

BETA_EARTH_RADIUS_M = DUCT_EARTH_FACTOR * EARTH_RADIUS_M  # for Ldb, eq. (7b)


def p1812_over_rays(
    ground_m: F32,
    start: I64,
    count: I64,
    first_m: F64,
    step_m: F64,
    *,
    tx_m: float,
    tx_ground_m: float,
    terminal_m: float,
    diffraction_50_db: F32,
    tx_horizon: I16,
    rx_horizon: I16,
    frequency_mhz: float,
    latitude_deg: float,
    delta_n: float,
    n0: float,
    time_pct: float = 50.0,
    locations_pct: float = 50.0,
    diffraction_beta_db: F32 | None = None,
    loss_db: F32 | None = None,
) -> F32:
    """Basic transmission loss, dB, not exceeded for ``time_pct`` of the average year at ``locations_pct`` of places.

    Sample j of ray i lies ``first_m[i] + j * step_m[i]`` from the antenna, which stands ``tx_m`` above sea level over
    ground at ``tx_ground_m``; the receiver stands ``terminal_m`` over the sample's ground. Asked for are the samples
    ``start[i]`` to ``count[i] - 1``. Arrays (rays, longest), C-contiguous: ``ground_m`` without clutter and voids;
    ``diffraction_50_db``: delta-Bullington loss over ground and clutter at the effective Earth radius of ``delta_n``
    (``atmosphere.effective_earth_factor``); ``tx_horizon``, ``rx_horizon``: the samples that are the two horizons over
    the ground at that radius (in line of sight both the one of the highest nu; -1 without a sample between the ends).
    ``diffraction_beta_db``: the same loss at ``BETA_EARTH_RADIUS_M``, for ``time_pct`` below 50. ``latitude_deg`` of
    the mast stands for every path's centre: 0.1 degrees are 0.4 % of beta0. Into ``loss_db`` if given, where asked;
    returns it.

    Paths shorter than the Recommendation's 0.25 km have its formulas carried on: free space and diffraction in effect.
    InputError for any other value outside its validity; ValueError for arrays that do not fit together.
    """
    check_limits(
        frequency_mhz=frequency_mhz,
        tx_height_m=round(tx_m - tx_ground_m, 6),  # a mast of 1 m stays one over any ground
        rx_height_m=terminal_m,
        time_pct=time_pct,
        locations_pct=locations_pct,
        latitude_deg=latitude_deg,
        delta_n=delta_n,
        n0=n0,
    )
    if diffraction_beta_db is None:
        if time_pct < 50.0:
            raise ValueError("less than half of the time needs the diffraction loss at the Earth radius for beta0")
        diffraction_beta_db = diffraction_50_db
    if loss_db is None:
        loss_db = np.full(ground_m.shape, np.nan, dtype=np.float32)
    rays = (len(ground_m),)
    same = (diffraction_50_db, diffraction_beta_db, tx_horizon, rx_horizon, loss_db)
    if (
        any(array.shape != ground_m.shape for array in same)
        or not start.shape == count.shape == first_m.shape == step_m.shape == rays
        or bool(np.any(count > ground_m.shape[1]))
    ):
        raise ValueError(
            "arrays of one shape (rays, longest), and a start, count, first distance and step for each ray"
        )
    sigma_db = location_sigma_db(frequency_mhz, rx_height_m=terminal_m, clutter_m=0.0)
    loss_over_rays(
        ground_m,
        start,
        count,
        first_m,
        step_m,
        float(tx_m),
        float(tx_ground_m),
        float(terminal_m),
        diffraction_50_db,
        diffraction_beta_db,
        tx_horizon,
        rx_horizon,
        1e-3 * frequency_mhz,
        1e-3 * EARTH_RADIUS_M * effective_earth_factor(delta_n),
        float(latitude_deg),
        float(n0),
        float(time_pct),
        -sigma_db * inverse_normal(0.01 * locations_pct),
        loss_db,
    )
    return loss_db
