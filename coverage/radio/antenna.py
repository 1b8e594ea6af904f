"""Antenna patterns, and the turn from true north to the grid's."""

from __future__ import annotations

from math import radians

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pyproj import Proj

from phusong.coverage.radio import server_kernels
from phusong.layers.patterns import Patterns

Cut = NDArray[np.float32] | NDArray[np.float64]


def pattern_loss_db(
    azimuth_deg: float,
    elevation_deg: float,
    *,
    boresight_deg: float,
    beamwidth_h_deg: float = 65.0,
    beamwidth_v_deg: float = 7.0,
    mechanical_tilt_deg: float = 0.0,
    electrical_tilt_deg: float = 0.0,
) -> float:
    """Loss, dB >= 0, against the antenna's highest gain in a direction; 3GPP TR 36.814 table A.2.1.1-2.

    Horizontal 12 (phi / phi_3dB)^2 up to 25 dB, vertical 12 ((theta - etilt) / theta_3dB)^2 up to 20 dB, their sum up
    to 25 dB. Azimuths clockwise from one north, elevation above the horizontal, tilts positive downwards; the
    mechanical tilt turns the body about its horizontal axis. NaN ``boresight_deg``: omnidirectional, the vertical part
    alone of an antenna that stands upright (no mechanical tilt).
    """
    return server_kernels.attenuation_db(
        radians(azimuth_deg),
        radians(elevation_deg),
        radians(boresight_deg),
        radians(mechanical_tilt_deg),
        radians(electrical_tilt_deg),
        radians(beamwidth_h_deg),
        radians(beamwidth_v_deg),
    )


def tabulated_loss_db(
    azimuth_deg: ArrayLike,
    elevation_deg: ArrayLike,
    *,
    horizontal_db: Cut,
    vertical_db: Cut,
    boresight_deg: float,
    mechanical_tilt_deg: float = 0.0,
    electrical_tilt_deg: float = 0.0,
) -> NDArray[np.float64]:
    """Loss, dB >= 0, of a measured pattern in directions, which broadcast; angles as in ``pattern_loss_db``.

    ``horizontal_db``, ``vertical_db``: losses at equal steps round the circle (360 or more), from boresight clockwise
    and from the horizon ahead downwards (90: straight down, 180: the horizon behind). Linear between the steps. Off the
    two cuts the usual weighting of planning tools: with w = |azimuth off boresight| / 180 and the angle below the
    horizon,

        A = H(azimuth) + (1 - w) (V(below) - H(0)) + w (V(180 - below) - H(180)),

    which is the vertical cut ahead and behind, and the horizontal cut on the horizon where V(0) = H(0) and
    V(180) = H(180). ``electrical_tilt_deg`` is what comes on top of the tilt the table was measured with: it lowers
    the beam alike all round; the mechanical tilt turns the body about its horizontal axis. NaN ``boresight_deg``: an
    omnidirectional antenna, which stands with its 0 to the north and upright.
    """
    round_about = np.isnan(boresight_deg)
    turn, elevation = _in_body(
        np.radians(np.asarray(azimuth_deg, dtype=np.float64) - (0.0 if round_about else boresight_deg)),
        np.radians(np.asarray(elevation_deg, dtype=np.float64)),
        0.0 if round_about else radians(mechanical_tilt_deg),
    )
    below = -np.degrees(elevation) - electrical_tilt_deg
    around = np.degrees(turn)
    behind = np.abs(around) / 180.0
    loss = (
        _on_circle(horizontal_db, around)
        + (1.0 - behind) * (_on_circle(vertical_db, below) - _on_circle(horizontal_db, 0.0))
        + behind * (_on_circle(vertical_db, 180.0 - below) - _on_circle(horizontal_db, 180.0))
    )
    return np.maximum(loss, 0.0)


def sector_patterns(sectors: pd.DataFrame, patterns: Patterns) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Row of each completed sector's measured pattern (-1: the parametric one) and the electrical tilt to apply, deg.

    A measured pattern holds the tilt it was measured with: what is left to apply is the sector's less that.
    """
    tilt = sectors["electrical_tilt_deg"].to_numpy(dtype=np.float64)
    names = sectors["pattern"] if "pattern" in sectors else [None] * len(sectors)
    rows = patterns.rows(names)
    held = np.append(patterns.tilt_deg, 0.0)[rows]  # -1 is the last one
    return rows, tilt - held


def _in_body(
    turn: NDArray[np.float64], elevation: NDArray[np.float64], tilt: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A direction as the tilted antenna sees it, radians: azimuth off boresight in [-pi, pi], elevation."""
    ahead, aside, up = np.cos(elevation) * np.cos(turn), np.cos(elevation) * np.sin(turn), np.sin(elevation)
    along = ahead * np.cos(tilt) - up * np.sin(tilt)
    above = ahead * np.sin(tilt) + up * np.cos(tilt)
    return np.arctan2(aside, along), np.arcsin(np.clip(above, -1.0, 1.0))


def _on_circle(values: Cut, angle_deg: ArrayLike) -> NDArray[np.float64]:
    """Linear interpolation of values at equal steps round the circle."""
    place = np.mod(np.asarray(angle_deg, dtype=np.float64), 360.0) * (len(values) / 360.0)
    first = np.floor(place).astype(np.int64)
    part = place - first
    return np.asarray((1.0 - part) * values[first % len(values)] + part * values[(first + 1) % len(values)])


def grid_convergence_deg(x_m: NDArray[np.float64], y_m: NDArray[np.float64], *, crs: str) -> NDArray[np.float64]:
    """Meridian convergence at points (n,) of a projected ``crs``, degrees: a grid azimuth is the true one less this."""
    if len(x_m) == 0:
        return np.empty(0)
    projection = Proj(crs)
    lon, lat = projection(np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64), inverse=True)
    return np.asarray(projection.get_factors(lon, lat).meridian_convergence, dtype=np.float64)
