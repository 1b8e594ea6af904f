"""Compiled arithmetic of the radio step: profile, diffraction, antenna and the best-server sweep.

All of it stands in this one file because numba's cache watches only the file of the function it compiles: a change of
a helper in another file would go on running from the cache. The modules beside it give these functions their manual.

Units: metres, radians, dB, dBm. Rasters are padded by one cell on each side; void cells hold ``VOID``, so high a wall
that every path across it shows itself. Positions are (row, col) in cells, whole numbers at cell centres.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import asin, atan2, ceil, cos, exp, floor, log10, pi, sin, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

VOID = 1.0e30
NO_SERVER_DBM = -200.0
COARSE = 8  # points a step of the first, coarse walk
ROUNDING = 1.0e-6  # what rounding may take from a bound, in dB, radians or as a share
HIGHEST_M = 1.0e9  # what is higher has a part of a void in it
PROBE_CELLS = 16.0
BLOCK_CELLS = 4
RADII = (4, 8, 12, 16)
LIGHT_M_GHZ = 0.299792458  # speed of light: wavelength in m times frequency in GHz
LAND_PERMITTIVITY, LAND_CONDUCTIVITY_S_PER_M = 22.0, 0.003  # P.1812-7 4.3.3
SEA_PERMITTIVITY, SEA_CONDUCTIVITY_S_PER_M = 80.0, 5.0
FRONT_TO_BACK_DB = 25.0  # Am, 3GPP TR 36.814 table A.2.1.1-2
SIDE_LOBE_DB = 20.0  # SLAv, the same table

# columns of the sector table the sweep reads
EIRP, ROOT_WAVELENGTH, RANGE_M2, AZIMUTH, TILT, DOWNTILT, WIDTH_H, WIDTH_V = range(8)
SECTOR_COLUMNS = 8


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
def sample_profile(
    by_row: F32,
    by_col: F32,
    tx_row: float,
    tx_col: float,
    rx_row: float,
    rx_col: float,
    cell_m: float,
    stride: int,
    d_m: F64,
    h_m: F64,
) -> int:
    """Distances from the transmitter and bilinear elevations where the path crosses the lines of cell centres.

    The lines are those across the longer of its two extents, so the step is 1 to 1.41 cells and the bilinear value is a
    linear one between two cells. ``stride`` keeps every such point (1) or every stride-th. Writes into ``d_m``, ``h_m``
    and returns how many points lie between the ends.
    """
    rows = rx_row - tx_row
    cols = rx_col - tx_col
    if abs(cols) >= abs(rows):
        return cross_lines(by_row, tx_col, rx_col, tx_row, rows / cols, cell_m, stride, d_m, h_m)
    return cross_lines(by_col, tx_row, rx_row, tx_col, cols / rows, cell_m, stride, d_m, h_m)


@njit(error_model="numpy", cache=True, nogil=True)
def cross_lines(
    raster: F32,
    start: float,
    end: float,
    side: float,
    slope: float,
    cell_m: float,
    stride: int,
    d_m: F64,
    h_m: F64,
) -> int:
    """``sample_profile`` along the second axis, from ``start`` to ``end``; ``side`` + ``slope`` a cell across."""
    if end > start:
        first = floor(start) + 1
        lines = ceil(end) - first
        step = stride
    elif end < start:
        first = ceil(start) - 1
        lines = first - floor(end)
        step = -stride
    else:
        return 0
    n = (lines + stride - 1) // stride
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
    turn = azimuth - boresight
    if tilt != 0.0:
        level = cos(elevation)
        x, y, z = level * cos(turn), level * sin(turn), sin(elevation)
        elevation = asin(min(max(x * sin(tilt) + z * cos(tilt), -1.0), 1.0))
        turn = atan2(y, x * cos(tilt) - z * sin(tilt))
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
def least_attenuation_db(
    azimuth: float,
    elevation: float,
    about_azimuth: float,
    about_elevation: float,
    boresight: float,
    tilt: float,
    downtilt: float,
    width_h: float,
    width_v: float,
) -> float:
    """At most ``attenuation_db`` of every direction within ``about_*`` of (azimuth, elevation)."""
    if not np.isnan(boresight):
        turn = azimuth - boresight
        if tilt != 0.0:  # a turn of the body keeps angles between directions: look about by the whole angle
            level = cos(elevation)
            x, y, z = level * cos(turn), level * sin(turn), sin(elevation)
            elevation = asin(min(max(x * sin(tilt) + z * cos(tilt), -1.0), 1.0))
            turn = atan2(y, x * cos(tilt) - z * sin(tilt))
            about_elevation += about_azimuth
            steepest = abs(elevation) + about_elevation
            about_azimuth = 0.5 * pi * about_elevation / cos(steepest) if steepest < 1.5 else pi
        turn -= 2.0 * pi * floor(turn / (2.0 * pi) + 0.5)
        horizontal = max(abs(turn) - about_azimuth, 0.0) / width_h
    else:
        horizontal = 0.0
    vertical = max(abs(elevation + downtilt) - about_elevation, 0.0) / width_v
    side = min(12.0 * horizontal * horizontal, FRONT_TO_BACK_DB)
    lobe = min(12.0 * vertical * vertical, SIDE_LOBE_DB)
    return min(side + lobe, FRONT_TO_BACK_DB)


@njit(error_model="numpy", cache=True, nogil=True)
def least_root_nu(
    lowest: F32,
    mast_row: float,
    mast_col: float,
    middle_row: float,
    middle_col: float,
    half_cells: float,
    near_m: float,
    far_m: float,
    tx_m: float,
    rx_m: float,
    cell_m: float,
    earth_radius_m: float,
) -> float:
    """At most ``bullington_root_nu`` of every path from a mast to a cell of a tile; 0 if none is known to be blocked.

    The tile's cell centres lie within ``half_cells`` of its middle and between ``near_m`` and ``far_m`` from the mast;
    ``rx_m`` is its highest receiver. At a share of the way each path has a point of its profile within 0.75 cells, and
    that lies within the share times ``half_cells`` of the straight way to the middle: its height is at least the
    ``lowest`` around, so its rise over the ray is at least what is computed here.
    """
    probes = int(near_m / (PROBE_CELLS * cell_m))
    slack = 0.75 * cell_m / near_m
    bulge = 0.5 * near_m * near_m / earth_radius_m
    rise = rx_m - tx_m
    from_tx = 0.0
    from_rx = 0.0
    radius = 0
    for i in range(probes):
        share = (i + 0.5) / probes
        while RADII[radius] < share * half_cells + 2.75:
            radius += 1
        row = int(mast_row + share * (middle_row - mast_row)) // BLOCK_CELLS
        col = int(mast_col + share * (middle_col - mast_col)) // BLOCK_CELLS
        first, last = share - slack, share + slack
        over = (
            float(lowest[radius, row, col])
            + bulge * min(first * (1.0 - first), last * (1.0 - last))
            - (tx_m + share * rise + slack * abs(rise))
        )
        if over > 0.0:
            from_tx = max(from_tx, over / last)
            from_rx = max(from_rx, over / (1.0 - first))
    return sqrt(2.0 * from_tx * from_rx / far_m)


@njit(error_model="numpy", cache=True, nogil=True)
def most_dbm(
    lowest: F32,
    tile: I64,
    least_ground_m: float,
    most_ground_m: float,
    mast: F64,
    sectors: F64,
    first: int,
    last: int,
    cell_m: float,
    earth_radius_m: float,
    terminal_m: float,
    upper: F64,
) -> float:
    """The most a mast's sectors ``first:last`` can bring in any cell of a tile; to ``upper`` the most of each."""
    low_row, high_row, low_col, high_col = tile[0], tile[1] - 1, tile[2], tile[3] - 1
    down = max(low_row - mast[0], mast[0] - high_row, 0.0)
    across = max(low_col - mast[1], mast[1] - high_col, 0.0)
    near_m = cell_m * sqrt(down * down + across * across)
    middle_row, middle_col = 0.5 * (low_row + high_row), 0.5 * (low_col + high_col)
    half_cells = sqrt((high_row - middle_row) ** 2 + (high_col - middle_col) ** 2)
    east, north = (middle_col - mast[1]) * cell_m, (mast[0] - middle_row) * cell_m
    middle_m = sqrt(east * east + north * north)
    far_m = middle_m + half_cells * cell_m
    low_rise = least_ground_m + terminal_m - mast[2]
    high_rise = most_ground_m + terminal_m - mast[2]
    away_db = slant_db(near_m * near_m, max(low_rise, -high_rise, 0.0))
    azimuth, elevation, about_azimuth, about_elevation = 0.0, 0.0, pi, pi
    root_nu = 0.0
    if near_m > 2.0 * half_cells * cell_m:
        azimuth = atan2(east, north)
        about_azimuth = asin(half_cells * cell_m / middle_m) + ROUNDING
        bulge = 0.5 / earth_radius_m
        high = max(high_rise / near_m, high_rise / far_m) - bulge * near_m
        low = min(low_rise / near_m, low_rise / far_m) - bulge * far_m
        high, low = atan2(high, 1.0), atan2(low, 1.0)
        elevation, about_elevation = 0.5 * (high + low), 0.5 * (high - low) + ROUNDING
        if near_m >= PROBE_CELLS * cell_m:
            root_nu = least_root_nu(
                lowest,
                mast[0],
                mast[1],
                middle_row,
                middle_col,
                half_cells,
                near_m,
                far_m,
                mast[2],
                most_ground_m + terminal_m,
                cell_m,
                earth_radius_m,
            )
    most = -np.inf
    root_wavelength = 0.0
    loss_db = 0.0
    for s in range(first, last):
        upper[s - first] = -np.inf
        if near_m * near_m > sectors[s, RANGE_M2] * (1.0 + ROUNDING):
            continue
        if root_nu > 0.0 and sectors[s, ROOT_WAVELENGTH] != root_wavelength:
            root_wavelength = sectors[s, ROOT_WAVELENGTH]
            loss_db = bullington_db(root_nu, root_wavelength, near_m)
        pattern_db = least_attenuation_db(
            azimuth,
            elevation,
            about_azimuth,
            about_elevation,
            sectors[s, AZIMUTH],
            sectors[s, TILT],
            sectors[s, DOWNTILT],
            sectors[s, WIDTH_H],
            sectors[s, WIDTH_V],
        )
        upper[s - first] = sectors[s, EIRP] - away_db - pattern_db - loss_db + ROUNDING
        most = max(most, upper[s - first])
    return most


@njit(error_model="numpy", cache=True, nogil=True)
def known_points(d_m: F64, h_m: F64, n: int) -> int:
    """Moves the points of a profile that are not void to the front; how many there are."""
    known = 0
    for i in range(n):
        if h_m[i] < HIGHEST_M:
            d_m[known] = d_m[i]
            h_m[known] = h_m[i]
            known += 1
    return known


@njit(error_model="numpy", cache=True, nogil=True)
def sweep(
    first_tile: int,
    last_tile: int,
    by_row: F32,
    by_col: F32,
    lowest: F32,
    wanted: Bool,
    tiles: I64,
    near_start: I64,
    near: I32,
    masts: F64,
    first_sector: I64,
    sectors: F64,
    sector_key: I32,
    sector_rank: I32,
    sector_twin: I64,
    usable_dbm: F64,
    cell_m: float,
    earth_radius_m: float,
    terminal_m: float,
    least_dbm: float,
    spherical: bool,
    vertical: bool,
    row_origin: int,
    col_origin: int,
    level: F32,
    server: I32,
    visited: I64,
    computed: I64,
) -> None:
    """Best level (dBm) and server of each key on each wanted cell of the tiles ``first_tile:last_tile``.

    Threads may sweep different tiles at once: each writes its own cells and its own counts.

    ``lowest``: from ``sweep.lowest_ground``. ``tiles``: (n, 4) row0, row1, col0, col1;
    ``near[near_start[t]:near_start[t + 1]]``: the masts that may reach tile t; ``masts``: (m, 4) row, col, antenna
    above sea level, ground; sectors of mast i are ``first_sector[i]:first_sector[i + 1]``, ``sector_twin``: the first
    of them with the same pattern; ``level`` and ``server``: (keys, rows, cols) from (row_origin, col_origin).
    ``spherical``: with the spherical-Earth term (delta-Bullington), else Bullington alone; ``vertical``: polarisation.

    Diffraction only takes away, Bullington's takes more with every point of the profile, and the spherical-Earth term
    only adds to it. So in each cell the winners of the cell before are tried first, then the masts in the order of what
    they can bring the tile at most (``most_dbm``), and a path is not walked whose bound, free-space level or level over
    every ``COARSE``-th point of its profile lies below the best already found for all of its keys. That changes the
    work, never the result: ties go to the lower rank, and a path across a void counts as doubt with what it could bring
    by its known points. Levels below ``least_dbm`` are not looked for. ``visited`` counts (cell, mast) pairs a tile,
    ``computed`` the profiles walked in full.
    """
    keys = level.shape[0]
    longest = max(by_row.shape[0], by_row.shape[1])
    most_sectors = 1
    for m in range(masts.shape[0]):
        most_sectors = max(most_sectors, first_sector[m + 1] - first_sector[m])
    d_m = np.empty(longest)
    h_m = np.empty(longest)
    work = np.empty(longest)
    zeros = np.zeros(longest)
    free_dbm = np.empty(most_sectors)
    pattern_db = np.empty(most_sectors)
    best = np.empty(keys)
    doubt = np.empty(keys)
    rank = np.empty(keys, dtype=np.int32)
    for t in range(first_tile, last_tile):
        seen = 0
        walked = 0
        low_ground, high_ground = VOID, -VOID
        for r in range(tiles[t, 0], tiles[t, 1]):
            for c in range(tiles[t, 2], tiles[t, 3]):
                ground = float(by_row[r + 1, c + 1])
                if wanted[r, c] and ground < VOID:
                    low_ground = min(low_ground, ground)
                    high_ground = max(high_ground, ground)
        start = near_start[t]
        count = near_start[t + 1] - start
        upper = np.empty((count, most_sectors))
        bound = np.empty(count)
        for i in range(count):
            m = near[start + i]
            bound[i] = most_dbm(
                lowest,
                tiles[t],
                low_ground,
                high_ground,
                masts[m],
                sectors,
                first_sector[m],
                first_sector[m + 1],
                cell_m,
                earth_radius_m,
                terminal_m,
                upper[i],
            )
        order = np.argsort(-bound)
        winner = np.full(keys, -1)
        tried = np.zeros(count, dtype=np.int64)
        cell = 0
        for r in range(tiles[t, 0], tiles[t, 1]):
            for c in range(tiles[t, 2], tiles[t, 3]):
                if not wanted[r, c]:
                    continue
                seen += count
                ground = float(by_row[r + 1, c + 1])
                if ground >= VOID:
                    continue
                rx_m = ground + terminal_m
                best[:] = least_dbm
                doubt[:] = -np.inf
                rank[:] = -1
                worst = least_dbm
                cell += 1
                for step in range(keys + count):
                    if step < keys:
                        i = winner[step]
                        if i < 0 or tried[i] == cell:
                            continue
                    else:
                        i = order[step - keys]
                        if bound[i] < worst:
                            break
                        if tried[i] == cell:
                            continue
                    tried[i] = cell
                    m = near[start + i]
                    first, last = first_sector[m], first_sector[m + 1]
                    hope = False
                    for s in range(first, last):
                        hope = hope or upper[i, s - first] >= best[sector_key[s]]
                    if not hope:
                        continue
                    east = (c - masts[m, 1]) * cell_m
                    north = (masts[m, 0] - r) * cell_m
                    path_m2 = east * east + north * north
                    rise = rx_m - masts[m, 2]
                    away_db = slant_db(path_m2, rise)
                    path_m = sqrt(path_m2)
                    azimuth = atan2(east, north)
                    elevation = elevation_angle(path_m, rise, earth_radius_m)
                    hope = False
                    pattern_db[: last - first] = -1.0
                    for s in range(first, last):
                        free = -np.inf
                        if path_m2 <= sectors[s, RANGE_M2]:
                            free = sectors[s, EIRP] - away_db
                            if free >= best[sector_key[s]]:
                                twin = sector_twin[s]
                                if pattern_db[twin - first] < 0.0:
                                    pattern_db[twin - first] = attenuation_db(
                                        azimuth,
                                        elevation,
                                        sectors[s, AZIMUTH],
                                        sectors[s, TILT],
                                        sectors[s, DOWNTILT],
                                        sectors[s, WIDTH_H],
                                        sectors[s, WIDTH_V],
                                    )
                                free -= pattern_db[twin - first]
                        free_dbm[s - first] = free
                        hope = hope or free >= best[sector_key[s]]
                    if not hope:
                        continue
                    n = 0
                    root_nu = -np.inf
                    for stride in (COARSE, 1):
                        n = sample_profile(
                            by_row, by_col, masts[m, 0], masts[m, 1], float(r), float(c), cell_m, stride, d_m, h_m
                        )
                        root_nu = bullington_root_nu(d_m, h_m, n, path_m, masts[m, 2], rx_m, earth_radius_m, work)
                        if stride == 1 or root_nu < 0.0:
                            continue
                        root_wavelength = 0.0
                        loss_db = 0.0
                        hope = root_nu == np.inf
                        for s in range(first, last):
                            if hope:
                                break
                            free = free_dbm[s - first]
                            if free < best[sector_key[s]]:
                                continue
                            if sectors[s, ROOT_WAVELENGTH] != root_wavelength:
                                root_wavelength = sectors[s, ROOT_WAVELENGTH]
                                loss_db = bullington_db(root_nu, root_wavelength, path_m)
                            hope = free - loss_db >= best[sector_key[s]] - ROUNDING
                        if not hope:
                            break
                    if not hope:
                        continue
                    walked += 1
                    void = root_nu == np.inf
                    if void:
                        n = known_points(d_m, h_m, n)
                        root_nu = bullington_root_nu(d_m, h_m, n, path_m, masts[m, 2], rx_m, earth_radius_m, work)
                    root_wavelength = 0.0
                    loss_db = 0.0
                    excess = -1.0
                    above_tx, above_rx = -1.0, -1.0
                    for s in range(first, last):
                        key = sector_key[s]
                        free = free_dbm[s - first]
                        if free < best[key]:
                            continue
                        if sectors[s, ROOT_WAVELENGTH] != root_wavelength:
                            root_wavelength = sectors[s, ROOT_WAVELENGTH]
                            loss_db = bullington_db(root_nu, root_wavelength, path_m)
                            excess = -1.0
                        dbm = free - loss_db
                        if void:
                            doubt[key] = max(doubt[key], dbm)
                            continue
                        if dbm < best[key]:
                            continue
                        if spherical:
                            if above_tx < 0.0:
                                _, _, low_tx, low_rx = smooth_surface(
                                    d_m, h_m, n, path_m, masts[m, 3], ground, masts[m, 2], rx_m, work
                                )
                                above_tx, above_rx = masts[m, 2] - low_tx, rx_m - low_rx
                            if excess < 0.0:
                                excess = excess_db(
                                    d_m,
                                    n,
                                    path_m,
                                    above_tx,
                                    above_rx,
                                    earth_radius_m,
                                    root_wavelength,
                                    vertical,
                                    work,
                                    zeros,
                                )
                            dbm -= excess
                        if dbm > best[key] or (dbm == best[key] and (rank[key] < 0 or sector_rank[s] < rank[key])):
                            best[key] = dbm
                            rank[key] = sector_rank[s]
                            winner[key] = i
                    worst = best[0]
                    for key in range(1, keys):
                        worst = min(worst, best[key])
                for key in range(keys):
                    if best[key] < usable_dbm[key] and doubt[key] > best[key]:
                        continue
                    level[key, r - row_origin, c - col_origin] = best[key] if rank[key] >= 0 else NO_SERVER_DBM
                    server[key, r - row_origin, c - col_origin] = rank[key]
        visited[t] = seen
        computed[t] = walked
