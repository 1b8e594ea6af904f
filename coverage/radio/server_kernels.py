"""Compiled arithmetic of servers: antenna patterns, and the lists of the best masts of every cell.

In one file for numba's cache, see ``path_kernels``. Units: metres, radians, dB, dBm; rasters as there.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import asin, atan2, cos, floor, pi, sin
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

NO_SERVER_DBM = -200.0
ROUNDING = 1.0e-3  # dB, more than what rounding to float32 may add to a level
FRONT_TO_BACK_DB = 25.0  # Am, 3GPP TR 36.814 table A.2.1.1-2
SIDE_LOBE_DB = 20.0  # SLAv, the same table
# columns of the table of sectors
EIRP, LEAST, RANGE_M2, AZIMUTH, TILT, DOWNTILT, WIDTH_H, WIDTH_V, PATTERN = range(9)
SECTOR_COLUMNS = 9
STRETCH = 128  # cells side by side that are served together
NONE, UNKNOWN = -1, -2  # in the place of a server: the list ends; it goes on with masts not known


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
