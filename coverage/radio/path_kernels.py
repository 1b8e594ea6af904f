"""Compiled arithmetic of single paths: profile, Bullington, the spherical Earth.

A function and what it calls stand in one file because numba's cache watches only the file of the function it compiles:
a change of a helper in another file would go on running from the cache. The modules beside it give them their manual.

Units: metres, radians, dB. Rasters are padded by one cell on each side; void cells hold ``VOID``, so high a wall that
every path across it shows itself. Positions are (row, col) in cells, whole numbers at cell centres.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import asin, atan2, ceil, cos, exp, floor, log10, pi, sin, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

VOID = 1.0e30
HIGHEST_M = 1.0e9  # what is higher has a part of a void in it
LIGHT_M_GHZ = 0.299792458  # speed of light: wavelength in m times frequency in GHz
LAND_PERMITTIVITY, LAND_CONDUCTIVITY_S_PER_M = 22.0, 0.003  # P.1812-7 4.3.3
SEA_PERMITTIVITY, SEA_CONDUCTIVITY_S_PER_M = 80.0, 5.0


@njit(error_model="numpy", cache=True, nogil=True)
def knife_edge_db(nu: float) -> float:
    """J(nu) in dB, ITU-R P.526-15 eq. (31) (P.1812-7 eq. (12)); 0 for nu <= -0.78."""
    if nu <= -0.78:
        return 0.0
    shifted = nu - 0.1
    return 6.9 + 20.0 * log10(sqrt(shifted * shifted + 1.0) + shifted)


@njit(error_model="numpy", cache=True, nogil=True)
def bullington_db(root_nu: float, root_wavelength: float, path_m: float) -> float:
    """Bullington loss in dB from ``root_nu`` = nu * sqrt(wavelength), P.1812-7 eqs. (16), (20), (21)."""
    edge_db = knife_edge_db(root_nu / root_wavelength)
    return edge_db + (1.0 - exp(-edge_db / 6.0)) * (10.0 + 0.02e-3 * path_m)


@njit(error_model="numpy", cache=True, nogil=True)
def bullington_root_nu(
    d_m: F64, h_m: F64, n: int, path_m: float, tx_m: float, rx_m: float, earth_radius_m: float, work: F64
) -> float:
    """nu * sqrt(wavelength) in sqrt(m) of the Bullington point over the ``n`` points between the ends.

    P.1812-7 eqs. (13)-(19) (P.526-15 4.5.1), with the wavelength taken out: the highest nu and the Bullington point do
    not depend on it. Where the two horizons rise by a = Stim - Str and b = Srim + Str over the straight ray, their rays
    meet at dbp = path b / (a + b), and eq. (19) becomes nu sqrt(wavelength) = sqrt(2 path a b): it grows with every
    point added or raised. ``tx_m``, ``rx_m``: antennas above mean sea level. -inf without points, +inf across a void.
    ``work``: room for ``n`` numbers; computing and comparing apart lets the compiler use vectors.
    """
    if n == 0:
        return -np.inf
    bulge = 0.5 / earth_radius_m
    for i in range(n):
        work[i] = (h_m[i] - tx_m) / d_m[i] - bulge * d_m[i]
    highest = -np.inf
    for i in range(n):
        highest = max(highest, work[i])
    if highest > 1.0e15:
        return np.inf
    slope_path = (rx_m - tx_m) / path_m
    above_tx = highest + bulge * path_m - slope_path
    if above_tx < 0.0:  # line of sight: the point that comes nearest to the ray, measured in Fresnel zones
        for i in range(n):
            product = d_m[i] * (path_m - d_m[i])
            below = tx_m + slope_path * d_m[i] - h_m[i] - bulge * product
            work[i] = below * below / product
        nearest = np.inf
        for i in range(n):
            nearest = min(nearest, work[i])
        return -sqrt(2.0 * path_m * nearest)
    for i in range(n):
        rest = path_m - d_m[i]
        work[i] = (h_m[i] - rx_m) / rest - bulge * rest
    highest = -np.inf
    for i in range(n):
        highest = max(highest, work[i])
    above_rx = highest + bulge * path_m + slope_path
    return sqrt(2.0 * path_m * above_tx * max(above_rx, 0.0))


@njit(error_model="numpy", cache=True, nogil=True)
def total(values: F64, first: int, last: int) -> float:
    """Sum of ``values[first:last]``, four running sums at a time: always the same order, and no long chain."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    i = first
    while i + 4 <= last:
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        i += 4
    while i < last:
        a += values[i]
        i += 1
    return (a + b) + (c + d)


@njit(error_model="numpy", cache=True, nogil=True)
def smooth_surface(
    d_m: F64,
    h_m: F64,
    n: int,
    path_m: float,
    tx_ground_m: float,
    rx_ground_m: float,
    tx_m: float,
    rx_m: float,
    work: F64,
) -> tuple[float, float, float, float]:
    """The straight line through the terrain at both ends, and what the diffraction model makes of it, m.

    hst and hsr of least squares over the area under the profile, P.1812-7 Attachment 1 eqs. (83) to (86); hstd and
    hsrd, eq. (89): lowered where an obstacle rises over the straight ray, eqs. (87), (88), and never above the ground
    of an end. The ``n`` points are those between the ends; antennas above mean sea level; ``work``: room for ``n``
    numbers.
    """
    area = 0.0
    moment = 0.0
    if n == 0:
        area = path_m * (tx_ground_m + rx_ground_m)
        moment = path_m * path_m * (2.0 * rx_ground_m + tx_ground_m)
    else:  # eqs. (83), (84), gathered by height: each weighs by its neighbours' distances
        first_d, last_d = d_m[0], d_m[n - 1]
        area = tx_ground_m * first_d + rx_ground_m * (path_m - last_d)
        moment = tx_ground_m * first_d * first_d
        moment += rx_ground_m * (path_m - last_d) * (2.0 * path_m + last_d)
        for end in (0, n - 1):
            before = d_m[end - 1] if end > 0 else 0.0
            after = d_m[end + 1] if end < n - 1 else path_m
            area += h_m[end] * (after - before)
            moment += h_m[end] * (after - before) * (after + before + d_m[end])
            if n == 1:
                break
        for i in range(1, n - 1):
            work[i] = h_m[i] * (d_m[i + 1] - d_m[i - 1])
        area += total(work, 1, n - 1)
        for i in range(1, n - 1):
            work[i] *= d_m[i + 1] + d_m[i - 1] + d_m[i]
        moment += total(work, 1, n - 1)
    smooth_tx = (2.0 * area * path_m - moment) / (path_m * path_m)
    smooth_rx = (moment - area * path_m) / (path_m * path_m)
    low_tx, low_rx = smooth_tx, smooth_rx
    slope = (rx_m - tx_m) / path_m
    for i in range(n):
        work[i] = h_m[i] - tx_m - slope * d_m[i]
    highest = -np.inf
    for i in range(n):
        highest = max(highest, work[i])
    if highest > 0.0:
        for i in range(n):
            work[i] = (h_m[i] - tx_m) / d_m[i]
        from_tx = -np.inf
        for i in range(n):
            from_tx = max(from_tx, work[i])
        for i in range(n):
            work[i] = (h_m[i] - rx_m) / (path_m - d_m[i])
        from_rx = -np.inf
        for i in range(n):
            from_rx = max(from_rx, work[i])
        from_tx -= slope
        from_rx += slope
        low_tx -= highest * from_tx / (from_tx + from_rx)
        low_rx -= highest * from_rx / (from_tx + from_rx)
    return smooth_tx, smooth_rx, min(low_tx, tx_ground_m), min(low_rx, rx_ground_m)


@njit(error_model="numpy", cache=True, nogil=True)
def first_term_over_db(
    path_m: float,
    tx_m: float,
    rx_m: float,
    earth_radius_m: float,
    ghz: float,
    permittivity: float,
    conductivity_s_per_m: float,
    vertical: bool,
) -> float:
    """First term of the residue series over one kind of ground, P.1812-7 4.3.3 eqs. (29) to (36); negative near by."""
    d_km = 0.001 * path_m
    earth_km = 0.001 * earth_radius_m
    ground = 18.0 * conductivity_s_per_m / ghz
    k = 0.036 * (earth_km * ghz) ** (-1.0 / 3.0) * ((permittivity - 1.0) ** 2 + ground * ground) ** -0.25
    if vertical:
        k *= sqrt(permittivity * permittivity + ground * ground)  # eq. (29b)
    k2 = k * k
    beta = (1.0 + 1.6 * k2 + 0.67 * k2 * k2) / (1.0 + 4.5 * k2 + 1.53 * k2 * k2)
    x = 21.88 * beta * (ghz / (earth_km * earth_km)) ** (1.0 / 3.0) * d_km
    loss_db: float = 17.6 * x - 11.0 - 10.0 * log10(x) if x >= 1.6 else 20.0 * log10(x) + 5.6488 * x**1.425
    for height_m in (tx_m, rx_m):
        b = 0.9575 * beta * beta * (ghz * ghz / earth_km) ** (1.0 / 3.0) * height_m
        far_db = 17.6 * sqrt(max(b - 1.1, 0.0)) - 5.0 * log10(max(b - 1.1, 0.1)) - 8.0
        gain_db = far_db if b > 2.0 else 20.0 * log10(b + 0.1 * b * b * b)
        loss_db -= max(gain_db, 2.0 + 20.0 * log10(k))
    return loss_db


@njit(error_model="numpy", cache=True, nogil=True)
def first_term_db(
    path_m: float, tx_m: float, rx_m: float, earth_radius_m: float, ghz: float, sea_share: float, vertical: bool
) -> float:
    """Ldft, P.1812-7 4.3.3 eq. (28): the first terms over land and sea, weighted by the path's share of each."""
    loss_db = 0.0
    if sea_share < 1.0:
        loss_db += (1.0 - sea_share) * first_term_over_db(
            path_m, tx_m, rx_m, earth_radius_m, ghz, LAND_PERMITTIVITY, LAND_CONDUCTIVITY_S_PER_M, vertical
        )
    if sea_share > 0.0:
        loss_db += sea_share * first_term_over_db(
            path_m, tx_m, rx_m, earth_radius_m, ghz, SEA_PERMITTIVITY, SEA_CONDUCTIVITY_S_PER_M, vertical
        )
    return loss_db


@njit(error_model="numpy", cache=True, nogil=True)
def spherical_db(
    path_m: float,
    tx_m: float,
    rx_m: float,
    earth_radius_m: float,
    root_wavelength: float,
    ghz: float,
    sea_share: float,
    vertical: bool,
) -> float:
    """Ldsph, P.1812-7 4.3.2 eqs. (22) to (27): antennas ``tx_m`` and ``rx_m`` (> 0) above a smooth Earth.

    Beyond the horizon the first term of the residue series; before it none where the ray clears the Earth by 0.552 of
    the first Fresnel zone, else a part of the loss at the radius whose horizon the path just reaches.
    """
    root_heights = sqrt(tx_m) + sqrt(rx_m)
    if path_m >= sqrt(2.0 * earth_radius_m) * root_heights:  # eq. (22)
        return first_term_db(path_m, tx_m, rx_m, earth_radius_m, ghz, sea_share, vertical)
    c = (tx_m - rx_m) / (tx_m + rx_m)  # eq. (24d)
    m = 0.25 * path_m * path_m / (earth_radius_m * (tx_m + rx_m))  # eq. (24e)
    turn = min(max(1.5 * c * sqrt(3.0 * m / ((m + 1.0) * (m + 1.0) * (m + 1.0))), -1.0), 1.0)
    b = 2.0 * sqrt((m + 1.0) / (3.0 * m)) * sin(asin(turn) / 3.0)  # eq. (24c): cos(pi/3 + acos(x)/3) = sin(asin(x)/3)
    d1 = 0.5 * path_m * (1.0 + b)  # eqs. (24a), (24b)
    d2 = path_m - d1
    clearance = ((tx_m - 0.5 * d1 * d1 / earth_radius_m) * d2 + (rx_m - 0.5 * d2 * d2 / earth_radius_m) * d1) / path_m
    required = 17.456 * root_wavelength * sqrt(0.001 * d1 * d2 / path_m)  # eq. (25)
    if clearance > required:
        return 0.0
    marginal_m = 0.5 * path_m * path_m / (root_heights * root_heights)  # eq. (26)
    loss_db = first_term_db(path_m, tx_m, rx_m, marginal_m, ghz, sea_share, vertical)
    return (1.0 - clearance / required) * max(loss_db, 0.0)  # eq. (27)


@njit(error_model="numpy", cache=True, nogil=True)
def excess_db(
    d_m: F64,
    n: int,
    path_m: float,
    above_tx: float,
    above_rx: float,
    earth_radius_m: float,
    root_wavelength: float,
    vertical: bool,
    work: F64,
    zeros: F64,
) -> float:
    """What the spherical Earth adds to Bullington's loss, P.1812-7 eq. (39): max(Ldsph - Lbulls, 0), at least 0.

    ``above_tx``, ``above_rx``: antennas above the smooth surface, eqs. (37), (38); land all the way.
    ``zeros``: heights of the smooth profile.
    """
    if n == 0:
        return 0.0
    ghz = LIGHT_M_GHZ / (root_wavelength * root_wavelength)
    sphere_db = spherical_db(path_m, above_tx, above_rx, earth_radius_m, root_wavelength, ghz, 0.0, vertical)
    if sphere_db <= 0.0:
        return 0.0
    root_nu = bullington_root_nu(d_m, zeros, n, path_m, above_tx, above_rx, earth_radius_m, work)
    return max(sphere_db - bullington_db(root_nu, root_wavelength, path_m), 0.0)


@njit(error_model="numpy", cache=True, nogil=True)
def excess_on_sphere(
    path_m: F64, height_m: F64, earth_radius_m: float, root_wavelength: float, vertical: bool, out: F32
) -> None:
    """What the spherical Earth adds to Bullington's loss at all pairs of ``height_m`` and every ``path_m``, land.

    P.1812-7 eq. (39) as in ``excess_db``, over a smooth profile without steps. ``out``: (paths, heights, heights) dB.
    """
    ghz = LIGHT_M_GHZ / (root_wavelength * root_wavelength)
    curve = 0.5 / earth_radius_m
    for p in range(path_m.shape[0]):
        length_m = path_m[p]
        for t in range(height_m.shape[0]):
            for r in range(t + 1):
                tx_m, rx_m = height_m[t], height_m[r]
                sphere_db = spherical_db(length_m, tx_m, rx_m, earth_radius_m, root_wavelength, ghz, 0.0, vertical)
                excess = 0.0
                if sphere_db > 0.0:
                    straight = (rx_m - tx_m) / length_m
                    beyond = length_m >= (sqrt(tx_m) + sqrt(rx_m)) / sqrt(curve)
                    if beyond:  # both horizons are those of the smooth Earth
                        above_tx = curve * length_m - 2.0 * sqrt(curve * tx_m) - straight
                        above_rx = curve * length_m - 2.0 * sqrt(curve * rx_m) + straight
                        root_nu = sqrt(2.0 * length_m * max(above_tx, 0.0) * max(above_rx, 0.0))
                    else:
                        nearest = np.inf
                        for i in range(1, 200):
                            part = 0.5 - 0.5 * cos(pi * i / 200.0)  # finer towards the ends
                            product = length_m * length_m * part * (1.0 - part)
                            below = tx_m + (rx_m - tx_m) * part - curve * product
                            nearest = min(nearest, below * below / product)
                        root_nu = -sqrt(2.0 * length_m * nearest)
                    excess = max(sphere_db - bullington_db(root_nu, root_wavelength, length_m), 0.0)
                out[p, t, r] = excess
                out[p, r, t] = excess


@njit(error_model="numpy", cache=True, nogil=True)
def sample_profile(
    by_row: F32,
    by_col: F32,
    tx_row: float,
    tx_col: float,
    rx_row: float,
    rx_col: float,
    cell_m: float,
    d_m: F64,
    h_m: F64,
) -> int:
    """Distances from the transmitter and bilinear elevations where the path crosses the lines of cell centres.

    The lines are those across the longer of its two extents, so the step is 1 to 1.41 cells and the bilinear value is a
    linear one between two cells. Writes into ``d_m``, ``h_m`` and returns how many points lie between the ends.
    """
    rows = rx_row - tx_row
    cols = rx_col - tx_col
    if abs(cols) >= abs(rows):
        return cross_lines(by_row, tx_col, rx_col, tx_row, rows / cols, cell_m, d_m, h_m)
    return cross_lines(by_col, tx_row, rx_row, tx_col, cols / rows, cell_m, d_m, h_m)


@njit(error_model="numpy", cache=True, nogil=True)
def cross_lines(
    raster: F32,
    start: float,
    end: float,
    side: float,
    slope: float,
    cell_m: float,
    d_m: F64,
    h_m: F64,
) -> int:
    """``sample_profile`` along the second axis, from ``start`` to ``end``; ``side`` + ``slope`` a cell across."""
    if end > start:
        first = floor(start) + 1
        n = ceil(end) - first
        step = 1
    elif end < start:
        first = ceil(start) - 1
        n = first - floor(end)
        step = -1
    else:
        return 0
    step_m = cell_m * sqrt(1.0 + slope * slope)
    for i in range(n):
        ahead = first + step * i - start
        d_m[i] = abs(ahead) * step_m
        h_m[i] = side + slope * ahead + 1.0  # at least 0.5 with the padding, so the whole part is the floor
    for i in range(n):
        across = h_m[i]
        near = np.int64(across)
        line = np.uint64(first + step * i + 1)  # unsigned: no test for an index that counts from the end
        low = float(raster[np.uint64(near), line])
        h_m[i] = low + (across - near) * (float(raster[np.uint64(near + 1), line]) - low)
    return n


@njit(error_model="numpy", cache=True, nogil=True)
def bilinear(by_row: F32, row: float, col: float) -> float:
    """Bilinear elevation in metres at a position; ``VOID`` or near it if a cell that counts is void."""
    r = floor(row)
    c = floor(col)
    down = row - r
    right = col - c
    upper_left, lower_left = float(by_row[r + 1, c + 1]), float(by_row[r + 2, c + 1])
    upper = upper_left + right * (float(by_row[r + 1, c + 2]) - upper_left)
    lower = lower_left + right * (float(by_row[r + 2, c + 2]) - lower_left)
    return upper + down * (lower - upper)


@njit(error_model="numpy", cache=True, nogil=True)
def elevation_angle(path_m: float, rise_m: float, earth_radius_m: float) -> float:
    """Angle in radians above the transmitter's horizontal of a receiver ``rise_m`` higher, over the effective Earth."""
    return atan2(rise_m - 0.5 * path_m * path_m / earth_radius_m, path_m)


@njit(error_model="numpy", cache=True, nogil=True)
def slant_db(path_m2: float, rise_m: float) -> float:
    """20 log10 of the slant distance in metres (at least 1 m), from the squared path and the rise."""
    return 10.0 * log10(max(path_m2 + rise_m * rise_m, 1.0))
