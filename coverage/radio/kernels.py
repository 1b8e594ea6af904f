"""Compiled arithmetic of single paths and of servers: profile, diffraction, antenna, and the best masts of a cell.

All of it stands in this one file because numba's cache watches only the file of the function it compiles: a change of
a helper in another file would go on running from the cache. The modules beside it give these functions their manual.

Units: metres, radians, dB, dBm. Rasters are padded by one cell on each side; void cells hold ``VOID``, so high a wall
that every path across it shows itself. Positions are (row, col) in cells, whole numbers at cell centres.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import asin, atan2, ceil, cos, exp, floor, log10, pi, sin, sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I16 = NDArray[np.int16]
U16 = NDArray[np.uint16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

VOID = 1.0e30
NO_SERVER_DBM = -200.0
HIGHEST_M = 1.0e9  # what is higher has a part of a void in it
ROUNDING = 1.0e-3  # dB, more than what rounding to float32 may add to a level
LIGHT_M_GHZ = 0.299792458  # speed of light: wavelength in m times frequency in GHz
LAND_PERMITTIVITY, LAND_CONDUCTIVITY_S_PER_M = 22.0, 0.003  # P.1812-7 4.3.3
SEA_PERMITTIVITY, SEA_CONDUCTIVITY_S_PER_M = 80.0, 5.0
FRONT_TO_BACK_DB = 25.0  # Am, 3GPP TR 36.814 table A.2.1.1-2
SIDE_LOBE_DB = 20.0  # SLAv, the same table

# columns of the table of sectors
EIRP, LEAST, RANGE_M2, AZIMUTH, TILT, DOWNTILT, WIDTH_H, WIDTH_V, PATTERN = range(9)
SECTOR_COLUMNS = 9
STRETCH = 128  # cells side by side that are served together
NONE, UNKNOWN = -1, -2  # in the place of a server: the list ends; it goes on with masts not known


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
def in_body(turn: float, elevation: float, tilt: float) -> tuple[float, float]:
    """A direction, off boresight and above the horizontal, as an antenna sees it that is tilted downwards."""
    if tilt == 0.0:
        return turn, elevation
    level = cos(elevation)
    x, y, z = level * cos(turn), level * sin(turn), sin(elevation)
    return atan2(y, x * cos(tilt) - z * sin(tilt)), asin(min(max(x * sin(tilt) + z * cos(tilt), -1.0), 1.0))


@njit(error_model="numpy", cache=True, nogil=True)
def attenuation_db(
    azimuth: float, elevation: float, boresight: float, tilt: float, downtilt: float, width_h: float, width_v: float
) -> float:
    """Loss against the antenna's highest gain towards (azimuth, elevation), 3GPP TR 36.814 table A.2.1.1-2.

    ``boresight`` and ``azimuth`` clockwise from the same north; NaN boresight: omnidirectional. ``tilt`` turns the body
    (mechanical), ``downtilt`` shifts the vertical pattern (electrical), both positive downwards; widths are -3 dB.
    """
    if np.isnan(boresight):
        vertical = (-elevation - downtilt) / width_v
        return min(12.0 * vertical * vertical, SIDE_LOBE_DB)
    turn, elevation = in_body(azimuth - boresight, elevation, tilt)
    turn -= 2.0 * pi * floor(turn / (2.0 * pi) + 0.5)
    horizontal = turn / width_h
    vertical = (-elevation - downtilt) / width_v
    side = min(12.0 * horizontal * horizontal, FRONT_TO_BACK_DB)
    lobe = min(12.0 * vertical * vertical, SIDE_LOBE_DB)
    return min(side + lobe, FRONT_TO_BACK_DB)


@njit(error_model="numpy", cache=True, nogil=True)
def elevation_angle(path_m: float, rise_m: float, earth_radius_m: float) -> float:
    """Angle in radians above the transmitter's horizontal of a receiver ``rise_m`` higher, over the effective Earth."""
    return atan2(rise_m - 0.5 * path_m * path_m / earth_radius_m, path_m)


@njit(error_model="numpy", cache=True, nogil=True)
def slant_db(path_m2: float, rise_m: float) -> float:
    """20 log10 of the slant distance in metres (at least 1 m), from the squared path and the rise."""
    return 10.0 * log10(max(path_m2 + rise_m * rise_m, 1.0))


@njit(error_model="numpy", cache=True, nogil=True)
def tabulated_db(
    azimuth: float, elevation: float, boresight: float, tilt: float, downtilt: float, patterns: F32, p: int
) -> float:
    """Loss of measured pattern ``p``, of (n, 2, 360) horizontal and vertical dB: ``antenna.tabulated_loss_db``."""
    turn = azimuth
    if not np.isnan(boresight):  # else it stands upright, its zero to the north
        turn, elevation = in_body(azimuth - boresight, elevation, tilt)
    around = (turn - 2.0 * pi * floor(turn / (2.0 * pi) + 0.5)) * (180.0 / pi)
    below = (-elevation - downtilt) * (180.0 / pi)
    behind = abs(around) / 180.0
    loss_db = (
        on_circle(patterns, p, 0, around)
        + (1.0 - behind) * (on_circle(patterns, p, 1, below) - patterns[p, 0, 0])
        + behind * (on_circle(patterns, p, 1, 180.0 - below) - patterns[p, 0, 180])
    )
    return float(max(loss_db, 0.0))


@njit(error_model="numpy", cache=True, nogil=True)
def on_circle(patterns: F32, p: int, cut: int, angle_deg: float) -> float:
    """Linear between the 360 values of a cut."""
    at = angle_deg - 360.0 * floor(angle_deg / 360.0)
    first = int(at)
    low, high = float(patterns[p, cut, first % 360]), float(patterns[p, cut, (first + 1) % 360])
    return low + (at - first) * (high - low)


@njit(error_model="numpy", cache=True, nogil=True)
def towards_db(azimuth: float, elevation: float, sectors: F64, s: int, patterns: F32) -> float:
    """Pattern loss of sector ``s`` in a direction from its mast."""
    loss_db: float
    if sectors[s, PATTERN] >= 0.0:
        loss_db = tabulated_db(
            azimuth,
            elevation,
            sectors[s, AZIMUTH],
            sectors[s, TILT],
            sectors[s, DOWNTILT],
            patterns,
            int(sectors[s, PATTERN]),
        )
        return loss_db
    loss_db = attenuation_db(
        azimuth,
        elevation,
        sectors[s, AZIMUTH],
        sectors[s, TILT],
        sectors[s, DOWNTILT],
        sectors[s, WIDTH_H],
        sectors[s, WIDTH_V],
    )
    return loss_db


@njit(error_model="numpy", cache=True, nogil=True)
def atan2_of(y: Any, x: Any) -> Any:
    """atan2 in float32 within 3e-7, without a call, so that loops of it become vectors."""
    high = max(abs(x), abs(y), np.float32(1.0e-30))
    part = min(abs(x), abs(y)) / high
    square = part * part
    turn = np.float32(-0.0046687733) * square + np.float32(0.0241661895)
    turn = turn * square + np.float32(-0.0593670908)
    turn = turn * square + np.float32(0.0990609690)
    turn = turn * square + np.float32(-0.1401658504)
    turn = turn * square + np.float32(0.1996923540)
    turn = turn * square + np.float32(-0.3333195972)
    turn = (turn * square + np.float32(0.9999998978)) * part
    turn = np.float32(0.5 * pi) - turn if abs(y) > abs(x) else turn
    turn = np.float32(pi) - turn if x < np.float32(0.0) else turn
    return -turn if y < np.float32(0.0) else turn


@njit(error_model="numpy", cache=True, nogil=True)
def directions(
    width: int,
    r: int,
    c: int,
    mast: F64,
    ground: F32,
    cell_m: float,
    earth_radius_m: float,
    terminal_m: float,
    east: F32,
    up: F32,
    path_m2: F32,
    azimuth: F32,
    elevation: F32,
) -> Any:
    """Where cells side by side lie from a mast; metres to the north of it.

    To the arrays: metres to the east and up (less the Earth's curve), squared distance along the ground, azimuth from
    the grid's north, elevation.
    """
    north = np.float32((mast[0] - r) * cell_m)
    bulge, down = np.float32(0.5 / earth_radius_m), np.float32(terminal_m - mast[2])
    for i in range(width):
        away = np.float32((c + i - mast[1]) * cell_m)  # the same number wherever the stretch begins
        square = away * away + north * north
        higher = ground[r + 1, c + i + 1] + down - bulge * square
        east[i], up[i], path_m2[i] = away, higher, square
        azimuth[i] = atan2_of(away, north)
        elevation[i] = atan2_of(higher, np.sqrt(square))
    return north


@njit(error_model="numpy", cache=True, nogil=True)
def strongest(
    width: int,
    tenth_db: I16,
    b: int,
    row: int,
    first: int,
    north: Any,
    east: F32,
    up: F32,
    path_m2: F32,
    azimuth: F32,
    elevation: F32,
    turns: F32,
    rises: F32,
    sectors: F64,
    s: int,
    number: int,
    patterns: F32,
    best: F32,
    best_number: I32,
    over: F32,
) -> None:
    """Raise the best level of cells side by side, its sector, and the most that any is over its least, by a sector."""
    eirp, reach, least = np.float32(sectors[s, EIRP]), np.float32(sectors[s, RANGE_M2]), np.float32(sectors[s, LEAST])
    if sectors[s, PATTERN] >= 0.0:
        for i in range(width):
            if tenth_db[b, row, first + i] == 0 or path_m2[i] > reach:
                continue
            azimuth_here, elevation_here = atan2_of(east[i], north), atan2_of(up[i], np.sqrt(path_m2[i]))
            away_db = np.float32(towards_db(azimuth_here, elevation_here, sectors, s, patterns))
            dbm = eirp - np.float32(0.1) * abs(np.float32(tenth_db[b, row, first + i])) - away_db
            over[i] = max(over[i], dbm - least)
            if dbm > best[i]:
                best[i], best_number[i] = dbm, number
        return
    omni = np.isnan(sectors[s, AZIMUTH])
    boresight = np.float32(0.0 if omni else sectors[s, AZIMUTH])
    per_h = np.float32(0.0 if omni else 1.0 / sectors[s, WIDTH_H])
    most_db = np.float32(SIDE_LOBE_DB if omni else FRONT_TO_BACK_DB)
    downtilt, per_v = np.float32(sectors[s, DOWNTILT]), np.float32(1.0 / sectors[s, WIDTH_V])
    tilt = 0.0 if omni else sectors[s, TILT]
    if tilt == 0.0:
        for i in range(width):
            turn = azimuth[i] - boresight
            turns[i] = turn - np.float32(2.0 * pi) * np.floor(turn * np.float32(0.5 / pi) + np.float32(0.5))
            rises[i] = elevation[i]
    else:
        cos_b, sin_b = np.float32(cos(boresight)), np.float32(sin(boresight))
        cos_t, sin_t = np.float32(cos(tilt)), np.float32(sin(tilt))
        for i in range(width):
            ahead, aside = north * cos_b + east[i] * sin_b, east[i] * cos_b - north * sin_b
            along, above = ahead * cos_t - up[i] * sin_t, ahead * sin_t + up[i] * cos_t
            turns[i] = atan2_of(aside, along)
            rises[i] = atan2_of(above, np.sqrt(along * along + aside * aside))
    for i in range(width):
        horizontal, vertical = turns[i] * per_h, (rises[i] + downtilt) * per_v
        side = min(np.float32(12.0) * horizontal * horizontal, np.float32(FRONT_TO_BACK_DB))
        lobe = min(np.float32(12.0) * vertical * vertical, np.float32(SIDE_LOBE_DB))
        dbm = eirp - np.float32(0.1) * abs(np.float32(tenth_db[b, row, first + i])) - min(side + lobe, most_db)
        dbm = dbm if path_m2[i] <= reach else np.float32(-np.inf)
        over[i] = max(over[i], dbm - least)
        better = dbm > best[i]
        best[i] = dbm if better else best[i]
        best_number[i] = number if better else best_number[i]


@njit(error_model="numpy", cache=True, nogil=True)
def only_sector(
    sectors: F64, band: I64, first: int, last: int, width: int, azimuth: F32, elevation: F32, across: bool
) -> int:
    """The one of sectors ``first:last`` that is the strongest of all in cells side by side, -1 if that is not plain.

    It is plain where they differ in their azimuth alone, the same one faces the first and the last cell most, and its
    pattern stays above the floor that all share. ``across``: the cells pass north or south of the mast.
    """
    for s in range(first, last):
        if (
            band[s] != band[first]
            or sectors[s, PATTERN] >= 0.0
            or sectors[s, TILT] != 0.0
            or np.isnan(sectors[s, AZIMUTH])
        ):
            return -1
        for column in (EIRP, LEAST, RANGE_M2, DOWNTILT, WIDTH_H, WIDTH_V):
            if sectors[s, column] != sectors[first, column]:
                return -1
    found = facing(sectors, first, last, azimuth[0])
    if across or found != facing(sectors, first, last, azimuth[width - 1]):
        return -1
    steep = np.float32(0.0)
    downtilt = np.float32(sectors[first, DOWNTILT])
    for i in range(width):
        steep = max(steep, abs(elevation[i] + downtilt))
    lobe = min(12.0 * (steep / sectors[first, WIDTH_V]) ** 2, SIDE_LOBE_DB)
    for end in (0, width - 1):
        turn = azimuth[end] - sectors[found, AZIMUTH]
        turn -= 2.0 * pi * floor(turn / (2.0 * pi) + 0.5)
        if 12.0 * (turn / sectors[first, WIDTH_H]) ** 2 + lobe >= FRONT_TO_BACK_DB - ROUNDING:
            return -1
    return found


@njit(error_model="numpy", cache=True, nogil=True)
def facing(sectors: F64, first: int, last: int, azimuth: float) -> int:
    """Which of sectors ``first:last`` is turned least away from an azimuth, the first of two."""
    least, found = np.inf, first
    for s in range(first, last):
        turn = azimuth - sectors[s, AZIMUTH]
        turn = abs(turn - 2.0 * pi * floor(turn / (2.0 * pi) + 0.5))
        if turn < least:
            least, found = turn, s
    return found


@njit(error_model="numpy", cache=True, nogil=True)
def serve(
    first_run: int,
    last_run: int,
    runs: I64,
    row0: int,
    col0: int,
    tenth_db: I16,
    mast: F64,
    sectors: F64,
    band: I64,
    key: I64,
    number: I64,
    patterns: F32,
    ground: F32,
    cell_m: float,
    earth_radius_m: float,
    terminal_m: float,
    level: F32,
    server: I32,
    above: U16,
    doubt: F32,
    leaving: bool,
) -> int:
    """Enter one mast into the lists of the best of the cells of some runs; how many of them it reaches.

    ``runs``: (n, 4) row, first column, last column and one, place of the first cell's list. ``tenth_db``: (bands, rows,
    cols) from (row0, col0), see ``rays.path_losses``. ``sectors``, ``band``, ``key``, ``number``: the mast's, sorted by
    key, then number. ``level``, ``server``: (keys, kept, cells), best first, ties to the lower number; a server
    ``NONE`` ends a list (at ``NO_SERVER_DBM``, so that nothing weaker gets in), and ``UNKNOWN`` says that masts which
    are not in it may follow. ``above``: (keys, cells) how
    many masts bring their sector's ``LEAST`` level; ``doubt``: (keys, cells) the most that a path across a void might
    bring, or no cells where there is no void. With ``leaving`` the mast is taken out of lists and counts again.
    """
    kept = level.shape[1]
    count = sectors.shape[0]
    east, up, path_m2 = np.empty(STRETCH, np.float32), np.empty(STRETCH, np.float32), np.empty(STRETCH, np.float32)
    azimuth, elevation = np.empty(STRETCH, np.float32), np.empty(STRETCH, np.float32)
    turns, rises = np.empty(STRETCH, np.float32), np.empty(STRETCH, np.float32)
    best, over = np.empty(STRETCH, np.float32), np.empty(STRETCH, np.float32)
    best_number = np.empty(STRETCH, np.int32)
    seen = 0
    for run in range(first_run, last_run):
        r = runs[run, 0]
        row = r - row0
        if row < 0 or row >= tenth_db.shape[1]:
            continue
        end = min(runs[run, 2], col0 + tenth_db.shape[2])
        for c in range(max(runs[run, 1], col0), end, STRETCH):
            width = min(end - c, STRETCH)
            at = runs[run, 3] + c - runs[run, 1]
            known, crossing = 0, 0
            for i in range(width):
                known += tenth_db[0, row, c - col0 + i] != 0
                crossing += tenth_db[0, row, c - col0 + i] < 0
            if known == 0:
                continue
            seen += known
            turned, north = False, 0.0
            first = 0
            while first < count:
                k, last = key[first], first
                most_dbm, least_dbm = -np.inf, np.inf
                while last < count and key[last] == k:
                    most_dbm, least_dbm = max(most_dbm, sectors[last, EIRP]), min(least_dbm, sectors[last, LEAST])
                    last += 1
                hope = crossing > 0 or leaving
                if not hope:
                    most, least = np.float32(most_dbm + ROUNDING), np.float32(least_dbm)
                    hopes = 0
                    for s in range(first, last):
                        if s > first and band[s] == band[s - 1]:
                            continue
                        b = band[s]
                        for i in range(width):
                            free = most - np.float32(0.1) * np.float32(tenth_db[b, row, c - col0 + i])
                            hopes += (free >= least) | (free >= level[k, kept - 1, at + i])
                    hope = hopes > 0
                if not hope:
                    first = last
                    continue
                if not turned:
                    north = directions(
                        width,
                        r,
                        c,
                        mast,
                        ground,
                        cell_m,
                        earth_radius_m,
                        terminal_m,
                        east,
                        up,
                        path_m2,
                        azimuth,
                        elevation,
                    )
                    turned = True
                best[:width] = -np.inf
                over[:width] = -np.inf
                best_number[:width] = NONE
                alone = only_sector(sectors, band, first, last, width, azimuth, elevation, c < mast[1] < c + width)
                for s in range(first, last):
                    if alone >= 0 and s != alone:
                        continue
                    strongest(
                        width,
                        tenth_db,
                        band[s],
                        row,
                        c - col0,
                        np.float32(north),
                        east,
                        up,
                        path_m2,
                        azimuth,
                        elevation,
                        turns,
                        rises,
                        sectors,
                        s,
                        number[s],
                        patterns,
                        best,
                        best_number,
                        over,
                    )
                first = last
                if leaving:
                    for i in range(width):
                        if tenth_db[0, row, c - col0 + i] > 0 and best_number[i] >= 0:
                            above[k, at + i] -= np.uint16(over[i] >= 0.0)
                            strike(level, server, k, at + i, best_number[i])
                    continue
                if crossing > 0:
                    for i in range(width):
                        if tenth_db[0, row, c - col0 + i] < 0:
                            doubt[k, at + i] = max(doubt[k, at + i], best[i])
                enter(width, tenth_db, row, c - col0, level, server, above, k, at, best, best_number, over)
    return seen


@njit(error_model="numpy", cache=True, nogil=True)
def enter(
    width: int,
    tenth_db: I16,
    row: int,
    first: int,
    level: F32,
    server: I32,
    above: U16,
    k: int,
    at: int,
    best: F32,
    best_number: I32,
    over: F32,
) -> None:
    """Put a mast into the lists of cells side by side; behind an unknown server there is no place."""
    for i in range(width):
        reached = tenth_db[0, row, first + i] > 0
        best[i] = best[i] if reached else np.float32(-np.inf)
        over[i] = over[i] if reached else np.float32(-np.inf)
    for i in range(width):
        above[k, at + i] += np.uint16(1) if over[i] >= np.float32(0.0) else np.uint16(0)
    last = level.shape[1] - 1
    better_than_last = 0
    for i in range(width):
        better_than_last += best[i] >= level[k, last, at + i]
    if better_than_last == 0:
        return
    for p in range(last + 1):
        carried = 0
        for i in range(width):
            carried += best[i] > np.float32(-np.inf)
        if carried == 0:
            return
        for i in range(width):
            mine, theirs = best[i], level[k, p, at + i]
            my_number, their_number = best_number[i], server[k, p, at + i]
            better = (mine > theirs) | ((mine == theirs) & (my_number < their_number))
            better &= their_number != UNKNOWN
            level[k, p, at + i] = mine if better else theirs
            server[k, p, at + i] = my_number if better else their_number
            best[i] = np.float32(-np.inf) if their_number == UNKNOWN else (theirs if better else mine)
            best_number[i] = their_number if better else my_number


@njit(error_model="numpy", cache=True, nogil=True)
def strike(level: F32, server: I32, k: int, at: int, number: int) -> None:
    """Take a server out of a cell's list; what followed the last of a full list is not known."""
    kept = level.shape[1]
    for p in range(kept):
        if server[k, p, at] == number:
            end = NONE if server[k, kept - 1, at] == NONE else UNKNOWN
            for q in range(p, kept - 1):
                level[k, q, at], server[k, q, at] = level[k, q + 1, at], server[k, q + 1, at]
            level[k, kept - 1, at], server[k, kept - 1, at] = NO_SERVER_DBM, end
            return
