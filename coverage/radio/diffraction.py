"""Loss along one path: free space, and Bullington over a profile."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.radio import path_kernels

LIGHT_M_PER_S = 299_792_458.0
EARTH_RADIUS_M = 6_371_000.0


def wavelength_m(frequency_mhz: float) -> float:
    """c / f."""
    return LIGHT_M_PER_S / (frequency_mhz * 1e6)


def free_space_loss_db(distance_m: float, *, wavelength_m: float) -> float:
    """20 log10(4 pi d / wavelength), ITU-R P.525-4 eq. (4); the distance counts as at least 1 m."""
    return float(20.0 * np.log10(4.0 * np.pi / wavelength_m)) + path_kernels.slant_db(distance_m * distance_m, 0.0)


def bullington_loss_db(
    d_m: NDArray[np.float64],
    h_m: NDArray[np.float64],
    *,
    tx_m: float,
    rx_m: float,
    earth_radius_m: float,
    wavelength_m: float,
) -> float:
    """Bullington loss over free space, dB, of a profile: ITU-R P.1812-7 4.3.1 eqs. (13)-(21) = P.526-15 4.5.1.

    ``d_m``: distances from the transmitter, rising, the first and last point being the two ends (at least two points,
    any spacing). ``h_m``: ground (with clutter where wanted) above mean sea level; the two ends are not obstacles.
    ``tx_m``, ``rx_m``: antennas above mean sea level. ``earth_radius_m``: effective radius. ValueError for distances
    that do not rise and heights that are missing.
    """
    d = np.asarray(d_m, dtype=np.float64)
    h = np.asarray(h_m, dtype=np.float64)
    if d.ndim != 1 or d.shape != h.shape or len(d) < 2 or not bool(np.all(np.diff(d) > 0)) or np.isnan(h).any():
        raise ValueError("a profile needs two or more points with rising distances, and a height for each")
    path_m = float(d[-1] - d[0])
    root_nu = path_kernels.bullington_root_nu(
        d[1:-1] - d[0], h[1:-1].copy(), len(d) - 2, path_m, tx_m, rx_m, earth_radius_m, np.empty(len(d))
    )
    return path_kernels.bullington_db(root_nu, sqrt(wavelength_m), path_m)
