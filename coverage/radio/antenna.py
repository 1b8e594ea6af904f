"""Antenna patterns, and the turn from true north to the grid's."""

from __future__ import annotations

from math import radians

import numpy as np
from numpy.typing import NDArray
from pyproj import Proj

from phusong.coverage.radio import kernels


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
    mechanical tilt turns the body about its horizontal axis. NaN ``boresight_deg``: omnidirectional.
    """
    return kernels.attenuation_db(
        radians(azimuth_deg),
        radians(elevation_deg),
        radians(boresight_deg),
        radians(mechanical_tilt_deg),
        radians(electrical_tilt_deg),
        radians(beamwidth_h_deg),
        radians(beamwidth_v_deg),
    )


def grid_convergence_deg(x_m: NDArray[np.float64], y_m: NDArray[np.float64], *, crs: str) -> NDArray[np.float64]:
    """Meridian convergence at points of ``crs`` in degrees: a grid azimuth is the true azimuth less this."""
    if len(x_m) == 0:
        return np.empty(0)
    projection = Proj(crs)
    lon, lat = projection(np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64), inverse=True)
    return np.asarray(projection.get_factors(lon, lat).meridian_convergence, dtype=np.float64)
