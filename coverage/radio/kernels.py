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
ROUNDING_DB = 1.0e-6  # what rounding may take from the bound of the coarse walk
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
    """Bullington loss in dB from ``root_nu`` = nu * sqrt(wavelength), P.1812-7 eqs. (17), (20), (21)."""
    edge_db = knife_edge_db(root_nu / root_wavelength)
    return edge_db + (1.0 - exp(-edge_db / 6.0)) * (10.0 + 0.02e-3 * path_m)


@njit(error_model="numpy", cache=True, nogil=True)
def bullington_root_nu(
    d_m: F64, h_m: F64, n: int, path_m: float, tx_m: float, rx_m: float, earth_radius_m: float, work: F64
) -> float:
    """nu * sqrt(wavelength) in sqrt(m) of the Bullington point over the ``n`` points between the ends.

    P.1812-7 eqs. (13)-(20) (P.526-15 4.5.1), with the wavelength taken out: the highest nu and the Bullington point do
    not depend on it. Where the two horizons rise by a = Stim - Str and b = Srim + Str over the straight ray, their rays
    meet at dbp = path b / (a + b), and eq. (20) becomes nu sqrt(wavelength) = sqrt(2 path a b): it grows with every
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
def sweep(
    first_tile: int,
    last_tile: int,
    by_row: F32,
    by_col: F32,
    wanted: Bool,
    tiles: I64,
    near_start: I64,
    near: I32,
    masts: F64,
    first_sector: I64,
    sectors: F64,
    sector_key: I32,
    sector_rank: I32,
    usable_dbm: F64,
    cell_m: float,
    earth_radius_m: float,
    terminal_m: float,
    least_dbm: float,
    row_origin: int,
    col_origin: int,
    level: F32,
    server: I32,
    visited: I64,
    computed: I64,
) -> None:
    """Best level (dBm) and server of each key on each wanted cell of the tiles ``first_tile:last_tile``.

    Threads may sweep different tiles at once: each writes its own cells and its own counts.

    ``tiles``: (n, 4) row0, row1, col0, col1; ``near[near_start[t]:near_start[t + 1]]``: the masts that may reach
    tile t, nearest first; ``masts``: (m, 3) row, col, antenna above sea level; sectors of mast i are
    ``first_sector[i]:first_sector[i + 1]``; ``level`` and ``server``: (keys, rows, cols) from (row_origin, col_origin).

    Diffraction only takes away, and Bullington's takes more with every point of the profile. So a path whose free-space
    level lies below the best already found for every one of its keys cannot win and is not walked, nor is one that a
    profile of every ``COARSE``-th point already puts below it. That changes the work, never the result: ties go to the
    lower rank, and a path across a void counts as doubt only where its free-space level is above the best known one.
    Levels below ``least_dbm`` are not looked for. ``visited`` counts (cell, mast) pairs a tile, ``computed`` the
    profiles walked in full.
    """
    keys = level.shape[0]
    longest = max(by_row.shape[0], by_row.shape[1])
    most = 1
    for m in range(masts.shape[0]):
        most = max(most, first_sector[m + 1] - first_sector[m])
    d_m = np.empty(longest)
    h_m = np.empty(longest)
    work = np.empty(longest)
    free_dbm = np.empty(most)
    best = np.empty(keys)
    doubt = np.empty(keys)
    rank = np.empty(keys, dtype=np.int32)
    for t in range(first_tile, last_tile):
        seen = 0
        walked = 0
        for r in range(tiles[t, 0], tiles[t, 1]):
            for c in range(tiles[t, 2], tiles[t, 3]):
                if not wanted[r, c]:
                    continue
                ground = float(by_row[r + 1, c + 1])
                if ground >= VOID:
                    seen += near_start[t + 1] - near_start[t]
                    continue
                rx_m = ground + terminal_m
                best[:] = least_dbm
                doubt[:] = -np.inf
                rank[:] = -1
                for i in range(near_start[t], near_start[t + 1]):
                    seen += 1
                    m = near[i]
                    east = (c - masts[m, 1]) * cell_m
                    north = (masts[m, 0] - r) * cell_m
                    path_m2 = east * east + north * north
                    rise = rx_m - masts[m, 2]
                    away_db = slant_db(path_m2, rise)
                    hope = False
                    for s in range(first_sector[m], first_sector[m + 1]):
                        if path_m2 <= sectors[s, RANGE_M2] and sectors[s, EIRP] - away_db >= best[sector_key[s]]:
                            hope = True
                            break
                    if not hope:
                        continue
                    path_m = sqrt(path_m2)
                    azimuth = atan2(east, north)
                    elevation = elevation_angle(path_m, rise, earth_radius_m)
                    hope = False
                    for s in range(first_sector[m], first_sector[m + 1]):
                        free = -np.inf
                        if path_m2 <= sectors[s, RANGE_M2]:
                            free = sectors[s, EIRP] - away_db
                            if free >= best[sector_key[s]]:
                                free -= attenuation_db(
                                    azimuth,
                                    elevation,
                                    sectors[s, AZIMUTH],
                                    sectors[s, TILT],
                                    sectors[s, DOWNTILT],
                                    sectors[s, WIDTH_H],
                                    sectors[s, WIDTH_V],
                                )
                        free_dbm[s - first_sector[m]] = free
                        hope = hope or free >= best[sector_key[s]]
                    if not hope:
                        continue
                    root_nu = -np.inf
                    for stride in (COARSE, 1):
                        n = sample_profile(
                            by_row, by_col, masts[m, 0], masts[m, 1], float(r), float(c), cell_m, stride, d_m, h_m
                        )
                        root_nu = bullington_root_nu(d_m, h_m, n, path_m, masts[m, 2], rx_m, earth_radius_m, work)
                        if stride == 1 or root_nu < 0.0:
                            continue
                        root_wavelength = 0.0
                        hope = root_nu == np.inf
                        for s in range(first_sector[m], first_sector[m + 1]):
                            if hope:
                                break
                            free = free_dbm[s - first_sector[m]]
                            if free < best[sector_key[s]]:
                                continue
                            if sectors[s, ROOT_WAVELENGTH] != root_wavelength:
                                root_wavelength = sectors[s, ROOT_WAVELENGTH]
                                loss_db = bullington_db(root_nu, root_wavelength, path_m)
                            hope = free - loss_db >= best[sector_key[s]] - ROUNDING_DB
                        if not hope:
                            break
                    if not hope:
                        continue
                    walked += 1
                    root_wavelength = 0.0
                    loss_db = 0.0
                    for s in range(first_sector[m], first_sector[m + 1]):
                        key = sector_key[s]
                        free = free_dbm[s - first_sector[m]]
                        if free < best[key]:
                            continue
                        if root_nu == np.inf:
                            doubt[key] = max(doubt[key], free)
                            continue
                        if sectors[s, ROOT_WAVELENGTH] != root_wavelength:
                            root_wavelength = sectors[s, ROOT_WAVELENGTH]
                            loss_db = bullington_db(root_nu, root_wavelength, path_m)
                        dbm = free - loss_db
                        if dbm > best[key] or (dbm == best[key] and (rank[key] < 0 or sector_rank[s] < rank[key])):
                            best[key] = dbm
                            rank[key] = sector_rank[s]
                for key in range(keys):
                    if best[key] < usable_dbm[key] and doubt[key] > best[key]:
                        continue
                    level[key, r - row_origin, c - col_origin] = best[key] if rank[key] >= 0 else NO_SERVER_DBM
                    server[key, r - row_origin, c - col_origin] = rank[key]
        visited[t] = seen
        computed[t] = walked
