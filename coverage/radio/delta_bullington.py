"""Delta-Bullington diffraction of one path: Bullington over the terrain, corrected by the spherical-Earth loss.

ITU-R P.526-15 4.5.3, the same as P.1812-7 4.3.4; equation numbers are those of P.1812-7. The compiled functions take
plain numbers, so that a sweep over an area can call them; heights in metres, losses in dB.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from dataclasses import dataclass
from math import asin, log10, sin, sqrt

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from phusong.coverage.radio import kernels
from phusong.coverage.radio.diffraction import LIGHT_M_PER_S
from phusong.layers.errors import InputError

F64 = NDArray[np.float64]

LAND_PERMITTIVITY, LAND_CONDUCTIVITY_S_PER_M = 22.0, 0.003  # P.1812-7 4.3.3
SEA_PERMITTIVITY, SEA_CONDUCTIVITY_S_PER_M = 80.0, 5.0
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
        raise InputError("propagation.error.low_frequency", frequency_mhz=f"{frequency_mhz:g}", low_mhz=LOWEST_MHZ)
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
    """``delta_bullington`` with the smooth surface known and ``obstacle_m`` = ground + clutter; nothing is checked.

    One smooth surface serves every Earth radius, frequency and polarisation of a path.
    """
    path_m = float(d_m[-1])
    between = d_m[1:-1]
    n = len(between)
    work = np.empty(n)
    root_wavelength = sqrt(wavelength_m)
    above_tx, above_rx = tx_m - smooth_tx_m, rx_m - smooth_rx_m  # eqs. (37a), (37b), (38a), (38b)

    def bullington(heights_m: F64, first_m: float, last_m: float) -> float:
        root_nu = kernels.bullington_root_nu(between, heights_m, n, path_m, first_m, last_m, earth_radius_m, work)
        return kernels.bullington_db(root_nu, root_wavelength, path_m)

    actual = bullington(obstacle_m[1:-1], tx_m, rx_m)
    smooth = bullington(np.zeros(n), above_tx, above_rx)
    spherical = spherical_earth_db(
        path_m, above_tx, above_rx, earth_radius_m, frequency_mhz, wavelength_m, sea_share, vertical
    )
    return DeltaBullington(actual + max(spherical - smooth, 0.0), actual, smooth, spherical, smooth_tx_m, smooth_rx_m)


@njit(error_model="numpy", cache=True, nogil=True)
def smooth_surface(d_m: F64, h_m: F64, tx_m: float, rx_m: float) -> tuple[float, float, float, float]:
    """The straight line through the terrain at both ends, and what the diffraction model makes of it.

    P.1812-7 Attachment 1, 5.6.1 and 5.6.2 (P.526-15 4.5.3). ``d_m`` (n,) from 0; ``h_m`` (n,) ground without clutter;
    antennas above mean sea level. Returns hst and hsr, eqs. (85), (86), of least squares over the area under the
    profile, and hstd and hsrd, eq. (89): lowered where obstacles rise over the straight ray, and never above the
    ground of the ends.
    """
    last = len(d_m) - 1
    path = d_m[last]
    area = 0.0
    moment = 0.0
    for i in range(1, last + 1):
        step = d_m[i] - d_m[i - 1]
        area += step * (h_m[i] + h_m[i - 1])  # eq. (83)
        moment += step * (  # eq. (84)
            h_m[i] * (2.0 * d_m[i] + d_m[i - 1]) + h_m[i - 1] * (d_m[i] + 2.0 * d_m[i - 1])
        )
    hst = (2.0 * area * path - moment) / (path * path)
    hsr = (moment - area * path) / (path * path)
    highest = -np.inf
    from_tx = -np.inf
    from_rx = -np.inf
    for i in range(1, last):  # eqs. (87a) to (87d)
        over = h_m[i] - (tx_m * (path - d_m[i]) + rx_m * d_m[i]) / path
        highest = max(highest, over)
        from_tx = max(from_tx, over / d_m[i])
        from_rx = max(from_rx, over / (path - d_m[i]))
    low_tx, low_rx = hst, hsr
    if highest > 0.0:  # eqs. (88a) to (88f)
        low_tx -= highest * from_tx / (from_tx + from_rx)
        low_rx -= highest * from_rx / (from_tx + from_rx)
    return hst, hsr, min(low_tx, h_m[0]), min(low_rx, h_m[last])


@njit(error_model="numpy", cache=True, nogil=True)
def spherical_earth_db(
    path_m: float,
    tx_m: float,
    rx_m: float,
    earth_radius_m: float,
    frequency_mhz: float,
    wavelength_m: float,
    sea_share: float,
    vertical: bool,
) -> float:
    """Ldsph, P.1812-7 4.3.2 eqs. (22) to (27): antennas ``tx_m`` and ``rx_m`` (> 0) above a smooth Earth.

    Beyond the horizon the first term of the residue series; before it none where the ray clears the Earth by 0.552 of
    the first Fresnel zone, else a part of the loss at the radius whose horizon the path just reaches.
    """
    root_heights = sqrt(tx_m) + sqrt(rx_m)
    if path_m >= sqrt(2.0 * earth_radius_m) * root_heights:  # eq. (22)
        return first_term_db(path_m, tx_m, rx_m, earth_radius_m, frequency_mhz, sea_share, vertical)
    c = (tx_m - rx_m) / (tx_m + rx_m)  # eq. (24d)
    m = 0.25 * path_m * path_m / (earth_radius_m * (tx_m + rx_m))  # eq. (24e)
    turn = min(max(1.5 * c * sqrt(3.0 * m / (m + 1.0) ** 3), -1.0), 1.0)
    b = 2.0 * sqrt((m + 1.0) / (3.0 * m)) * sin(asin(turn) / 3.0)  # eq. (24c): cos(pi/3 + acos(x)/3) = sin(asin(x)/3)
    first_m = 0.5 * path_m * (1.0 + b)  # eqs. (24a), (24b)
    second_m = path_m - first_m
    clearance_m = (  # eq. (23)
        (tx_m - 0.5 * first_m * first_m / earth_radius_m) * second_m
        + (rx_m - 0.5 * second_m * second_m / earth_radius_m) * first_m
    ) / path_m
    required_m = 17.456 * sqrt(0.001 * first_m * second_m * wavelength_m / path_m)  # eq. (25)
    if clearance_m > required_m:
        return 0.0
    marginal_m = 0.5 * (path_m / root_heights) ** 2  # eq. (26)
    loss = first_term_db(path_m, tx_m, rx_m, marginal_m, frequency_mhz, sea_share, vertical)
    return (1.0 - clearance_m / required_m) * max(loss, 0.0)  # eq. (27)


@njit(error_model="numpy", cache=True, nogil=True)
def first_term_db(
    path_m: float,
    tx_m: float,
    rx_m: float,
    earth_radius_m: float,
    frequency_mhz: float,
    sea_share: float,
    vertical: bool,
) -> float:
    """Ldft, P.1812-7 4.3.3 eq. (28): the first terms over land and sea, weighted by the path's share of each."""
    loss = 0.0
    if sea_share < 1.0:
        loss += (1.0 - sea_share) * first_term_over_db(
            path_m,
            tx_m,
            rx_m,
            earth_radius_m,
            frequency_mhz,
            LAND_PERMITTIVITY,
            LAND_CONDUCTIVITY_S_PER_M,
            vertical,
        )
    if sea_share > 0.0:
        loss += sea_share * first_term_over_db(
            path_m, tx_m, rx_m, earth_radius_m, frequency_mhz, SEA_PERMITTIVITY, SEA_CONDUCTIVITY_S_PER_M, vertical
        )
    return loss


@njit(error_model="numpy", cache=True, nogil=True)
def first_term_over_db(
    path_m: float,
    tx_m: float,
    rx_m: float,
    earth_radius_m: float,
    frequency_mhz: float,
    permittivity: float,
    conductivity_s_per_m: float,
    vertical: bool,
) -> float:
    """First term of spherical-Earth diffraction over one kind of ground, P.1812-7 4.3.3 eqs. (29) to (36).

    Negative where the two antennas' height gains outdo the distance term.
    """
    f = 0.001 * frequency_mhz
    earth_km = 0.001 * earth_radius_m
    loss_factor = (18.0 * conductivity_s_per_m / f) ** 2
    admittance = 0.036 * (earth_km * f) ** (-1.0 / 3.0) * ((permittivity - 1.0) ** 2 + loss_factor) ** -0.25
    if vertical:
        admittance *= sqrt(permittivity * permittivity + loss_factor)  # eq. (29b)
    k2 = admittance * admittance
    beta = (1.0 + 1.6 * k2 + 0.67 * k2 * k2) / (1.0 + 4.5 * k2 + 1.53 * k2 * k2)  # eq. (30)
    x = 21.88 * beta * (f / (earth_km * earth_km)) ** (1.0 / 3.0) * 0.001 * path_m  # eq. (31)
    far = 11.0 + 10.0 * log10(x) - 17.6 * x if x >= 1.6 else -20.0 * log10(x) - 5.6488 * x**1.425  # eq. (33)
    up = 0.9575 * beta * beta * (f * f / earth_km) ** (1.0 / 3.0)  # eqs. (32a), (32b), times the beta of (35)
    least = 2.0 + 20.0 * log10(admittance)
    return float(-far - height_gain_db(up * tx_m, least) - height_gain_db(up * rx_m, least))  # eq. (36)


@njit(error_model="numpy", cache=True, nogil=True)
def height_gain_db(b: float, least_db: float) -> float:
    """G(Y) with B = beta Y, P.1812-7 eqs. (34), (35), at least 2 + 20 log10 K."""
    if b > 2.0:
        return max(17.6 * sqrt(b - 1.1) - 5.0 * log10(b - 1.1) - 8.0, least_db)
    return max(20.0 * log10(b + 0.1 * b * b * b), least_db)
