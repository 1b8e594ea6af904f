"""Delta-Bullington diffraction of one path: Bullington over the terrain, corrected by the spherical-Earth loss.

ITU-R P.526-15 4.5.3, the same as P.1812-7 4.3.4; equation numbers are those of P.1812-7. The arithmetic stands in
``path_kernels``; here with clutter, a share of sea and every part of the answer; heights in metres, losses in dB.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phusong.coverage.radio import path_kernels
from phusong.coverage.radio.diffraction import LIGHT_M_PER_S, bullington_loss_db
from phusong.layers.errors import InputError

F64 = NDArray[np.float64]

LOWEST_MHZ = 10.0  # P.526-15 3.1: the spherical-Earth term holds from here up


@dataclass(frozen=True)
class DeltaBullington:
    """Diffraction loss over free space and its parts, dB; the smooth surface in m above mean sea level."""

    loss_db: float
    """Ld, eq. (39)"""
    bullington_db: float
    """Lbulla: Bullington's loss of the path as it is, eq. (21)"""
    smooth_bullington_db: float
    """Lbulls: Bullington's loss of the smooth path, eq. (21)"""
    spherical_db: float
    """Ldsph: loss of the smooth path over a spherical Earth, eq. (27)"""
    smooth_tx_m: float
    """hstd: smooth surface at the transmitter, eq. (89)"""
    smooth_rx_m: float
    """hsrd: the same at the receiver"""


def delta_bullington(
    d_m: ArrayLike,
    h_m: ArrayLike,
    *,
    tx_m: float,
    rx_m: float,
    earth_radius_m: float,
    frequency_mhz: float,
    vertical: bool,
    clutter_m: ArrayLike | None = None,
    sea_share: float = 0.0,
    light_m_per_s: float = LIGHT_M_PER_S,
) -> DeltaBullington:
    """Diffraction loss of a profile, P.526-15 4.5.3 = P.1812-7 4.3.4: Ld = Lbulla + max(Ldsph - Lbulls, 0).

    ``d_m`` (n,): distances from the transmitter, rising; the first and last point are the two ends, n >= 3.
    ``h_m`` (n,): ground in m above mean sea level. ``clutter_m`` (n,): height of what stands on it; it adds to the
    obstacles between the ends, never to the ends and never to the smooth surface. ``tx_m``, ``rx_m``: antennas above
    mean sea level, above the ground of their end. ``earth_radius_m``: effective. ``vertical``: polarisation (else
    horizontal). ``sea_share``: part of the path over sea, 0 to 1. InputError for a profile or antenna that is none.
    """
    d, h, clutter = check_profile(d_m, h_m, clutter_m)
    if not (tx_m > h[0] and rx_m > h[-1]):
        raise InputError("propagation.error.antenna")
    if not frequency_mhz >= LOWEST_MHZ:
        raise InputError(
            "propagation.error.low_frequency", frequency_mhz=f"{frequency_mhz:g}", low_mhz=f"{LOWEST_MHZ:g}"
        )
    surface = smooth_surface(d, h, tx_m, rx_m)
    return diffraction_over(
        d,
        h + clutter,
        tx_m=tx_m,
        rx_m=rx_m,
        smooth_tx_m=surface[2],
        smooth_rx_m=surface[3],
        earth_radius_m=earth_radius_m,
        frequency_mhz=frequency_mhz,
        wavelength_m=light_m_per_s / (frequency_mhz * 1e6),
        vertical=vertical,
        sea_share=sea_share,
    )


def check_profile(d_m: ArrayLike, h_m: ArrayLike, clutter_m: ArrayLike | None) -> tuple[F64, F64, F64]:
    """Distances from 0, ground and clutter as arrays of one length; InputError unless they make a path."""
    d = np.array(d_m, dtype=np.float64)
    h = np.array(h_m, dtype=np.float64)
    clutter = np.zeros_like(d) if clutter_m is None else np.array(clutter_m, dtype=np.float64)
    if not (
        d.ndim == 1
        and d.shape == h.shape == clutter.shape
        and len(d) >= 3
        and bool(np.all(np.isfinite(d) & np.isfinite(h) & np.isfinite(clutter) & (clutter >= 0.0)))
        and bool(np.all(np.diff(d) > 0.0))
    ):
        raise InputError("propagation.error.profile")
    return d - d[0], h, clutter


def diffraction_over(
    d_m: F64,
    obstacle_m: F64,
    *,
    tx_m: float,
    rx_m: float,
    smooth_tx_m: float,
    smooth_rx_m: float,
    earth_radius_m: float,
    frequency_mhz: float,
    wavelength_m: float,
    vertical: bool,
    sea_share: float,
) -> DeltaBullington:
    """``delta_bullington`` with the smooth surface known and ``obstacle_m`` = ground + clutter; antennas unchecked.

    One smooth surface serves every Earth radius, frequency and polarisation of a path.
    """
    above_tx, above_rx = tx_m - smooth_tx_m, rx_m - smooth_rx_m  # eqs. (37a), (37b), (38a), (38b)
    actual, smooth = (
        bullington_loss_db(
            d_m, heights_m, tx_m=first_m, rx_m=last_m, earth_radius_m=earth_radius_m, wavelength_m=wavelength_m
        )
        for heights_m, first_m, last_m in ((obstacle_m, tx_m, rx_m), (np.zeros_like(d_m), above_tx, above_rx))
    )
    spherical = path_kernels.spherical_db(
        float(d_m[-1]),
        above_tx,
        above_rx,
        earth_radius_m,
        sqrt(wavelength_m),
        1e-3 * frequency_mhz,
        sea_share,
        vertical,
    )
    return DeltaBullington(actual + max(spherical - smooth, 0.0), actual, smooth, spherical, smooth_tx_m, smooth_rx_m)


def smooth_surface(d_m: F64, h_m: F64, tx_m: float, rx_m: float) -> tuple[float, float, float, float]:
    """hst, hsr, hstd, hsrd of ``path_kernels``; ``d_m`` (n,) from 0, ``h_m`` (n,) ground without clutter."""
    between, heights = d_m[1:-1].copy(), h_m[1:-1].copy()
    n = len(between)
    surface: tuple[float, float, float, float] = path_kernels.smooth_surface(
        between, heights, n, float(d_m[-1]), float(h_m[0]), float(h_m[-1]), tx_m, rx_m, np.empty(n)
    )
    return surface
