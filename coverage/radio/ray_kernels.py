"""Compiled arithmetic of the rays of one mast: terrain, horizons, diffraction at every sample, and cells between rays.

A quadrant of a mast holds rays of equally spaced slope. Each crosses the same lines of cell centres, one after the
other (columns in the quadrants east and west of the mast, rows in those north and south of it), and is sampled there:
sample j of a ray lies ``first_m + j step_m`` from the mast. Marching outwards keeps what Bullington's construction
needs of the samples passed: the transmitter's horizon as a running maximum, the receiver's as the tangent to the upper
convex hull of the samples (a stack), the smooth surface as running sums. So each sample has the same loss as a profile
walked for it alone, at a cost that hardly depends on its distance. A cell centre lies on a line between two rays, and
takes its loss from them linearly.

All arrays are (rays, longest); ``start`` and ``count``: the samples of a ray whose loss is asked for. The functions
stand in this one file, apart from ``path_kernels``, because numba's cache watches the file of a compiled function only.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I16 = NDArray[np.int16]
I64 = NDArray[np.int64]

CLEAR = -1.0  # in the place of a height: the ray clears the smooth Earth
HIGHEST_M = 1.0e9  # what is higher has a part of a void in it
STEEPEST = 3.0  # times a single edge's change with height, at most
BLOCK = 16  # samples of a block of the line-of-sight scan
CLEAR_NU_SQUARED = 0.78 * 0.78  # below nu = -0.78 an edge costs nothing: P.526-15 eq. (31)
THINNEST = 32  # near the mast only every so many-th ray is needed
NODES_LOG2 = 2  # the table of the spherical-Earth term has 2**NODES_LOG2 nodes an octave
OCTAVE = 23 - NODES_LOG2
LOWEST_PATH_M, LOWEST_HEIGHT_M = 32.0, 0.5
PATH_NODES, HEIGHT_NODES = 13 << NODES_LOG2, 14 << NODES_LOG2
MOST_TENTH_DB = 32_000
JUMP_DB = 1_000.0  # seen and hidden: nothing lies between them, the nearer ray decides
MOST_CHANGE_DB = 15.0  # for the ground of a cell beside its rays'


@njit(error_model="numpy", cache=True, nogil=True)
def log2_of(x: Any) -> Any:
    """log2 of a positive float32 within 3e-6, without a branch or a call, so that loops of it become vectors."""
    bits = np.float32(x).view(np.int32)
    m = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    whole = np.float32(bits >> np.int32(23)) - np.float32(127.0)
    part = np.float32(-0.0251232) * m + np.float32(0.27003746)
    part = part * m + np.float32(-1.2479625)
    part = part * m + np.float32(3.24946656)
    part = part * m + np.float32(-5.30170911)
    part = part * m + np.float32(6.08989576)
    part = part * m + np.float32(-3.03460285)
    return whole + part


@njit(error_model="numpy", cache=True, nogil=True)
def exp2_of(x: Any) -> Any:
    """2 to the power of x (-120 to 0) within 8e-6 of itself, without a branch or a call."""
    low = np.floor(np.float32(x))
    part = np.float32(x) - low
    m = np.float32(0.01368398) * part + np.float32(0.05171774)
    m = m * part + np.float32(0.24162132)
    m = m * part + np.float32(0.69296955)
    m = m * part + np.float32(1.0)
    scale = np.int32((np.int32(low) + np.int32(127)) << np.int32(23)).view(np.float32)
    return m * scale


@njit(error_model="numpy", cache=True, nogil=True)
def sample(raster: F32, line: float, side: float, ahead: int, slopes: F64, count: I64, out: F32) -> None:
    """Heights in m where rays cross the lines of cell centres, linear between two cells.

    ``raster``: padded by one cell, the rays' sides down and their lines across. The mast stands at (side, line) in
    cells; ``ahead`` is 1 or -1: towards higher or lower lines. Beyond the sides the outermost cell is repeated.
    """
    first = floor(line) + 1 if ahead > 0 else ceil(line) - 1
    last = raster.shape[0] - 1.000001
    longest, wide = out.shape[1], raster.shape[1]
    near, part = np.empty(longest, np.int32), np.empty(longest, np.float32)
    low, high = np.empty(longest, np.float32), np.empty(longest, np.float32)
    heights = raster.reshape(raster.size)
    away = abs(first - line)
    for k in range(slopes.shape[0]):
        for j in range(count[k]):
            across = min(max(side + slopes[k] * (away + j) + 1.0, 0.0), last)
            near[j] = np.int32(across)
            part[j] = np.float32(across - near[j])
        at = np.int64(first + 1)
        for j in range(count[k]):
            here = np.uint64(near[j] * wide + at)
            low[j], high[j] = heights[here], heights[here + np.uint64(wide)]
            at += ahead
        for j in range(count[k]):
            out[k, j] = low[j] + part[j] * (high[j] - low[j])


@njit(error_model="numpy", cache=True, nogil=True)
def bridge(heights: F32, count: I64, void_from: I64) -> None:
    """Lay a straight line over the voids of each ray; to ``void_from`` the first void sample, the count if none.

    A line between known samples is no obstacle that they are not, so a loss over it is the least there may be.
    """
    for k in range(heights.shape[0]):
        void_from[k] = count[k]
        known = -1
        for j in range(count[k]):
            if heights[k, j] >= HIGHEST_M:
                void_from[k] = min(void_from[k], j)
                continue
            if j > known + 1:
                if known < 0:
                    for i in range(j):
                        heights[k, i] = heights[k, j]
                else:
                    for i in range(known + 1, j):
                        part = (i - known) / (j - known)
                        heights[k, i] = heights[k, known] + part * (heights[k, j] - heights[k, known])
            known = j
        for j in range(known + 1, count[k]):
            heights[k, j] = heights[k, known] if known >= 0 else 0.0


@njit(error_model="numpy", cache=True, nogil=True)
def horizons(
    ground: F32,
    surface: F32,
    start: I64,
    count: I64,
    first_m: F64,
    step_m: F64,
    tx_m: float,
    terminal_m: float,
    earth_radius_m: float,
    wavelength_m: float,
    root_nu: F32,
    per_metre: F32,
    tx_horizon: I16,
    rx_horizon: I16,
) -> None:
    """nu sqrt(wavelength) of Bullington's point at every asked sample, P.1812-7 eqs. (13) to (19).

    The Earth is flattened: heights less d^2 / 2 R, where straight rays stay straight. In line of sight, samples whose
    nu is below -0.78 at ``wavelength_m`` (the longest that is asked) may be passed over: they cost nothing.
    ``per_metre``: by how much it changes for each metre that the receiver stands higher. Where
    ``tx_horizon`` has room for the rays, the two horizons are written as sample numbers (-1 without a sample between
    the ends), in line of sight both the sample of the highest nu, which then is looked for at any clearance.
    """
    longest = ground.shape[1]
    told = tx_horizon.shape[0] == ground.shape[0]
    d, per_m, flat, slope = np.empty(longest), np.empty(longest), np.empty(longest), np.empty(longest)
    hull_d, hull_h, hull_j = np.empty(longest), np.empty(longest), np.empty(longest, dtype=np.int64)
    highest = np.empty(longest // BLOCK + 1)
    bulge = 0.5 / earth_radius_m
    least = np.inf if told else 0.5 * CLEAR_NU_SQUARED * wavelength_m
    for k in range(ground.shape[0]):
        for j in range(count[k]):
            d[j] = first_m[k] + j * step_m[k]
            per_m[j] = 1.0 / d[j]
            flat[j] = surface[k, j] - bulge * d[j] * d[j]
            slope[j] = (flat[j] - tx_m) * per_m[j]
        top = -1
        rise, rise_j = -np.inf, -1
        block = -np.inf
        for j in range(count[k]):
            path_m, here = d[j], ground[k, j] - bulge * d[j] * d[j]
            # what the ground of an end hides from itself it hides from an antenna above it, too
            while top >= 1 and (hull_h[top] - hull_h[top - 1]) * (path_m - hull_d[top - 1]) <= (
                here - hull_h[top - 1]
            ) * (hull_d[top] - hull_d[top - 1]):
                top -= 1
            if j >= start[k]:
                rx_m = here + terminal_m
                straight = (rx_m - tx_m) * per_m[j]
                back_j = rise_j
                if top < 0:
                    root_nu[k, j], per_metre[k, j] = -np.inf, 0.0
                    if told:
                        tx_horizon[k, j], rx_horizon[k, j] = -1, -1
                elif rise >= straight:
                    t = top
                    while t > 0 and (hull_h[t - 1] - rx_m) * (path_m - hull_d[t]) >= (hull_h[t] - rx_m) * (
                        path_m - hull_d[t - 1]
                    ):
                        t -= 1
                    back_j = hull_j[t]
                    rest = path_m - hull_d[t]
                    above_tx, above_rx = rise - straight, max((hull_h[t] - rx_m) / rest + straight, 0.0)
                    root = sqrt(2.0 * path_m * above_tx * above_rx)
                    change = (above_rx + above_tx * hull_d[t] / rest) / max(root, 1.0e-9)
                    one_edge = sqrt(2.0 * hull_d[t] * per_m[j] / rest)  # of a single edge there: it has no pole
                    root_nu[k, j], per_metre[k, j] = root, -min(change, STEEPEST * one_edge)
                    if told:
                        tx_horizon[k, j], rx_horizon[k, j] = rise_j, back_j
                else:
                    nearest = least * per_m[j]
                    nearest_j = -1
                    blocks = j // BLOCK
                    for i in range(blocks * BLOCK, j):
                        below = tx_m + straight * d[i] - flat[i]
                        closeness = below * below * per_m[i] / (path_m - d[i])
                        if closeness < nearest:
                            nearest, nearest_j = closeness, i
                    middle = 0.5 * path_m
                    for b in range(blocks - 1, -1, -1):
                        near_m, far_m = d[b * BLOCK], d[b * BLOCK + BLOCK - 1]
                        below = tx_m + straight * (near_m if straight > 0.0 else far_m) - highest[b]
                        widest = min(max(middle, near_m), far_m)
                        if below > 0.0 and below * below >= nearest * widest * (path_m - widest):
                            continue
                        for i in range(b * BLOCK, b * BLOCK + BLOCK):
                            below = tx_m + straight * d[i] - flat[i]
                            closeness = below * below * per_m[i] / (path_m - d[i])
                            if closeness < nearest:
                                nearest, nearest_j = closeness, i
                    root_nu[k, j], per_metre[k, j] = -sqrt(2.0 * path_m * nearest), 0.0
                    if nearest_j >= 0:
                        per_metre[k, j] = -sqrt(2.0 * d[nearest_j] * per_m[j] / (path_m - d[nearest_j]))
                    if told:
                        tx_horizon[k, j], rx_horizon[k, j] = nearest_j, nearest_j
            while top >= 1 and (hull_h[top] - hull_h[top - 1]) * (path_m - hull_d[top - 1]) <= (
                flat[j] - hull_h[top - 1]
            ) * (hull_d[top] - hull_d[top - 1]):
                top -= 1
            top += 1
            hull_d[top], hull_h[top], hull_j[top] = path_m, flat[j], j
            if slope[j] > rise:
                rise, rise_j = slope[j], j
            block = max(block, flat[j])
            if j % BLOCK == BLOCK - 1:
                highest[j // BLOCK] = block
                block = -np.inf


@njit(error_model="numpy", cache=True, nogil=True)
def above_smooth(
    ground: F32,
    start: I64,
    count: I64,
    first_m: F64,
    step_m: F64,
    tx_m: float,
    tx_ground_m: float,
    terminal_m: float,
    earth_radius_m: float,
    wavelength_m: float,
    above_tx: F32,
    above_rx: F32,
) -> None:
    """Antennas above the smooth surface in m at every asked sample, P.1812-7 eqs. (37), (38), (83) to (89).

    The sums of eqs. (83), (84) run along the ray; the highest obstacle over the straight ray and the steepest from
    both ends, eqs. (87), (88), are a running maximum and two points of the upper hull of the (unflattened) ground.
    ``above_tx`` is ``CLEAR`` where the spherical Earth takes nothing at ``wavelength_m`` (the longest that is asked):
    with u the share of the way h_te (1 - u) + h_re u is at least 2 sqrt(h_te h_re u (1 - u)), so by eq. (25) the ray
    clears the Earth all the way if 2 sqrt(h_te h_re) > d^2 / 4 R + 0.552 sqrt(wavelength d). Obstacles only add to
    the two heights.
    """
    longest = ground.shape[1]
    d, per_m, height, slope = np.empty(longest), np.empty(longest), np.empty(longest), np.empty(longest)
    hull_d, hull_h, needed = np.empty(longest), np.empty(longest), np.empty(longest)
    curve, zone = 0.25 / earth_radius_m, 0.552 * sqrt(wavelength_m)
    for k in range(ground.shape[0]):
        for j in range(count[k]):
            d[j], height[j] = first_m[k] + j * step_m[k], float(ground[k, j])
            per_m[j] = 1.0 / d[j]
            slope[j] = (height[j] - tx_m) * per_m[j]
            needed[j] = 0.25 * (curve * d[j] * d[j] + zone * sqrt(d[j])) ** 2
        top = -1
        rise = -np.inf
        area, moment = 0.0, 0.0
        before_m, before = 0.0, tx_ground_m
        for j in range(count[k]):
            path_m, here = d[j], height[j]
            width = path_m - before_m
            area += width * (here + before)
            moment += width * (here * (2.0 * path_m + before_m) + before * (path_m + 2.0 * before_m))
            before_m, before = path_m, here
            while top >= 1 and (hull_h[top] - hull_h[top - 1]) * (path_m - hull_d[top - 1]) <= (
                here - hull_h[top - 1]
            ) * (hull_d[top] - hull_d[top - 1]):
                top -= 1
            if j >= start[k]:
                smooth_tx = (2.0 * area - moment * per_m[j]) * per_m[j]
                smooth_rx = (moment * per_m[j] - area) * per_m[j]
                rx_m = here + terminal_m
                if (tx_m - min(smooth_tx, tx_ground_m)) * (rx_m - min(smooth_rx, here)) > needed[j]:
                    above_tx[k, j], above_rx[k, j] = CLEAR, CLEAR
                else:
                    straight = (rx_m - tx_m) * per_m[j]
                    if rise > straight:
                        t = top
                        while t > 0 and (hull_h[t - 1] - rx_m) * (path_m - hull_d[t]) >= (hull_h[t] - rx_m) * (
                            path_m - hull_d[t - 1]
                        ):
                            t -= 1
                        back = (hull_h[t] - rx_m) / (path_m - hull_d[t])
                        over = hull_h[t] - straight * hull_d[t]
                        while t > 0:  # the highest over the ray lies between the two that are steepest from the ends
                            further = hull_h[t - 1] - straight * hull_d[t - 1]
                            if further < over:
                                break
                            over = further
                            t -= 1
                        from_tx, from_rx = rise - straight, back + straight
                        share = (over - tx_m) / (from_tx + from_rx)
                        smooth_tx -= share * from_tx
                        smooth_rx -= share * from_rx
                    above_tx[k, j] = tx_m - min(smooth_tx, tx_ground_m)
                    above_rx[k, j] = rx_m - min(smooth_rx, here)
            top += 1
            hull_d[top], hull_h[top] = path_m, here
            rise = max(rise, slope[j])


@njit(error_model="numpy", cache=True, nogil=True)
def diffraction(
    root_nu: F32,
    above_tx: F32,
    above_rx: F32,
    start: I64,
    count: I64,
    first_m: F64,
    step_m: F64,
    root_wavelength: float,
    terminal_m: float,
    earth_radius_m: float,
    excess: F32,
    per_metre: F32,
    out: F32,
) -> None:
    """Delta-Bullington loss in dB, P.1812-7 eqs. (12), (20), (21) and (39), within 0.001 dB of ``path_kernels``.

    ``excess``: what the spherical Earth adds, a table from ``path_kernels.excess_on_sphere``; none without its nodes.
    Not looked up where the ray clears the Earth, see ``above_smooth``.
    ``per_metre``: from ``horizons``; becomes the change of the loss in dB for each metre that the receiver is higher.
    """
    scale, terminal = np.float32(1.0 / root_wavelength), np.float32(terminal_m)
    narrowest = np.float32(LOWEST_HEIGHT_M / (1 << NODES_LOG2))
    curve, zone = 0.25 / earth_radius_m, 0.552 * root_wavelength
    grown = np.empty(root_nu.shape[1], dtype=np.float32)
    for k in range(root_nu.shape[0]):
        first, step = np.float32(0.02e-3 * first_m[k] + 10.0), np.float32(0.02e-3 * step_m[k])
        for j in range(start[k], count[k]):
            nu = max(root_nu[k, j] * scale, np.float32(-0.78)) - np.float32(0.1)
            edge = log2_of(np.sqrt(nu * nu + np.float32(1.0)) + nu)
            edge_db = max(np.float32(6.9) + np.float32(6.0205999) * edge, np.float32(0.0))
            rest = exp2_of(np.float32(-0.24044917) * edge_db)  # log2(e) / 6
            length = first + step * np.float32(j)
            beyond = root_nu[k, j] * scale > np.float32(-0.78)
            out[k, j] = edge_db + (np.float32(1.0) - rest) * length if beyond else np.float32(0.0)
            grown[j] = np.float32(1.0) + rest * length * np.float32(1.0 / 6.0) if beyond else np.float32(0.0)
        for j in range(start[k], count[k]):
            nu = root_nu[k, j] * scale - np.float32(0.1)
            per_metre[k, j] *= np.float32(8.6858896) * scale / np.sqrt(nu * nu + np.float32(1.0)) * grown[j]
        if excess.shape[0] == 0:
            continue
        for j in range(max(start[k], 1), count[k]):
            if above_tx[k, j] == np.float32(CLEAR):
                continue
            path_m = first_m[k] + j * step_m[k]
            needed = 0.25 * (curve * path_m * path_m + zone * sqrt(path_m)) ** 2
            if above_tx[k, j] * above_rx[k, j] > needed * (1.0 - 1.0e-6):  # clear for this band alone
                continue
            path = place(path_m, LOWEST_PATH_M, PATH_NODES)
            tx = place(above_tx[k, j], LOWEST_HEIGHT_M, HEIGHT_NODES)
            rx = place(above_rx[k, j], LOWEST_HEIGHT_M, HEIGHT_NODES)
            p, t, r = int(path), int(tx), int(rx)
            part_p, part_t, part_r = path - p, tx - t, rx - r
            here, higher = np.float32(0.0), np.float32(0.0)
            for i in range(2):
                weight = part_p if i == 1 else np.float32(1.0) - part_p
                low = excess[p + i, t, r] + part_t * (excess[p + i, t + 1, r] - excess[p + i, t, r])
                high = excess[p + i, t, r + 1] + part_t * (excess[p + i, t + 1, r + 1] - excess[p + i, t, r + 1])
                here += weight * (low + part_r * (high - low))
                higher += weight * (high - low)
            out[k, j] += here
            if above_rx[k, j] > terminal:
                per_metre[k, j] += higher / (narrowest * np.float32(1 << (r >> NODES_LOG2)))


@njit(error_model="numpy", cache=True, nogil=True)
def place(value: Any, lowest: float, nodes: int) -> Any:
    """Where a value lies among nodes 2**NODES_LOG2 an octave from ``lowest`` (a power of two), linear between them."""
    bits = np.float32(max(value, lowest)).view(np.int32) - np.float32(lowest).view(np.int32)
    return min(np.float32(bits) * np.float32(1.0 / (1 << OCTAVE)), np.float32(nodes - 1.001))


@njit(error_model="numpy", cache=True, nogil=True)
def slant_db(
    ground: F32, start: I64, count: I64, first_m: F64, step_m: F64, tx_m: float, terminal_m: float, out: F32
) -> None:
    """20 log10 of the slant distance in m (at least 1 m), ITU-R P.525-4 eq. (4) without the wavelength."""
    for k in range(ground.shape[0]):
        first, step = np.float32(first_m[k]), np.float32(step_m[k])
        for j in range(start[k], count[k]):
            away = first + step * np.float32(j)
            rise = ground[k, j] + np.float32(terminal_m - tx_m)
            out[k, j] = np.float32(3.0102999) * log2_of(max(away * away + rise * rise, np.float32(1.0)))


@njit(error_model="numpy", cache=True, nogil=True)
def sight(
    ground: F32,
    surface: F32,
    count: I64,
    first_m: F64,
    step_m: F64,
    tx_m: float,
    terminal_m: float,
    earth_radius_m: float,
    out: F32,
) -> None:
    """How much steeper the straight ray to each sample is than the transmitter's horizon; negative: it is hidden."""
    bulge = 0.5 / earth_radius_m
    for k in range(ground.shape[0]):
        rise = -np.inf
        for j in range(count[k]):
            path_m = first_m[k] + j * step_m[k]
            per_m = 1.0 / path_m
            sunk = bulge * path_m + tx_m * per_m
            out[k, j] = min((ground[k, j] + terminal_m) * per_m - sunk - rise, 1.0)
            rise = max(rise, surface[k, j] * per_m - sunk)


@njit(error_model="numpy", cache=True, nogil=True)
def spread(
    loss_db: F32,
    per_metre: F32,
    ground: F32,
    void_from: I64,
    line: float,
    side: float,
    ahead: int,
    range_cells: float,
    spacing_cells: float,
    down: bool,
    across: F32,
    voids: bool,
    row0: int,
    col0: int,
    out: I16,
    most_apart_db: float,
    apart: NDArray[np.bool_],
) -> int:
    """Losses of the cells of a quadrant, linear between two rays, to ``out`` in 0.1 dB; how many cells it holds.

    A cell's own ground is not quite that between its two rays: ``per_metre`` (none without its rays) is the change of
    the loss in dB for each metre that it is higher, ``ground`` that of the rays. The quadrants with ``down`` (their
    rays march over columns) own the diagonals. ``across``: the elevation as (lines, sides), padded. 0: the cell itself
    is void; negative: the path crosses a void, and the loss is that over the known samples. ``out`` begins at
    (row0, col0); so does ``apart`` (none without its cells), set where the two rays differ by more than
    ``most_apart_db``. A line of cells goes through plain loops over short arrays, which become vectors.
    """
    lines, sides = across.shape[0] - 2, across.shape[1] - 2
    rays = loss_db.shape[0] - 1
    corrected = per_metre.shape[0] == loss_db.shape[0]
    loss, change, height = (
        np.empty(rays + 1, np.float32),
        np.zeros(rays + 1, np.float32),
        np.zeros(rays + 1, np.float32),
    )
    beside, part = np.empty(sides, np.int32), np.empty(sides, np.float32)
    low_db, high_db = np.empty(sides, np.float32), np.empty(sides, np.float32)
    low_m, high_m = np.empty(sides, np.float32), np.empty(sides, np.float32)
    low_change, high_change = np.empty(sides, np.float32), np.empty(sides, np.float32)
    first = floor(line) + 1 if ahead > 0 else ceil(line) - 1
    last = lines - 1 if ahead > 0 else 0
    most = np.float32(MOST_CHANGE_DB)
    told, seen = apart.shape[0] > 0, 0
    for at in range(first, last + ahead, ahead):
        away = abs(at - line)
        if away > range_cells:
            break
        j = (at - first) * ahead
        half = min(away, sqrt(range_cells * range_cells - away * away))
        low, high = max(floor(side - half), 0), min(ceil(side + half), sides - 1)
        while low <= high and not owned(low, side, away, range_cells, down):
            low += 1
        while high >= low and not owned(high, side, away, range_cells, down):
            high -= 1
        if high < low:
            continue
        thin = thinning(away, rays, spacing_cells)
        per_cell, zero = 0.5 * rays / (away * thin), 0.5 * rays / thin
        last_ray = rays // thin - 1
        width = high + 1 - low
        for i in range(width):
            ray = (low + i - side) * per_cell + zero
            beside[i] = np.int32(min(max(ray, 0.0), float(last_ray)))
            part[i] = np.float32(ray - beside[i])
        for k in range(beside[0], beside[width - 1] + 2):
            loss[k] = loss_db[k * thin, j]
            if corrected:
                change[k], height[k] = per_metre[k * thin, j], ground[k * thin, j]
        for i in range(width):
            near, far = np.uint32(beside[i]), np.uint32(beside[i] + 1)
            low_db[i], high_db[i] = loss[near], loss[far]
            low_m[i], high_m[i] = height[near], height[far]
            low_change[i], high_change[i] = change[near], change[far]
        for i in range(width if told else 0):
            if abs(high_db[i] - low_db[i]) > most_apart_db:
                if down:
                    apart[low + i - row0, at - col0] = True
                else:
                    apart[at - row0, low + i - col0] = True
        for i in range(width):
            jump = high_db[i] - low_db[i]
            nearer = np.float32(1.0) if part[i] >= np.float32(0.5) else np.float32(0.0)
            here = low_db[i] + (nearer if abs(jump) > np.float32(JUMP_DB) else part[i]) * jump
            higher = across[at + 1, low + i + 1] - low_m[i] - part[i] * (high_m[i] - low_m[i])
            own_db = higher * (low_change[i] + part[i] * (high_change[i] - low_change[i]))
            here = (here + min(max(own_db, -most), most)) * np.float32(10.0) + np.float32(0.5)
            low_db[i] = min(max(here, np.float32(1.0)), np.float32(MOST_TENTH_DB))
        for i in range(width if voids else 0):
            k = int(beside[i]) * thin
            if across[at + 1, low + i + 1] >= HIGHEST_M:
                low_db[i] = np.float32(0.0)
            elif j >= min(void_from[k], void_from[k + thin]):
                low_db[i] = -np.floor(low_db[i])
        for i in range(width):
            if down:
                out[low + i - row0, at - col0] = np.int16(low_db[i])
            else:
                out[at - row0, low + i - col0] = np.int16(low_db[i])
        seen += width
    return seen


@njit(error_model="numpy", cache=True, nogil=True)
def owned(s: int, side: float, away: float, range_cells: float, down: bool) -> bool:
    """Whether a cell of a line belongs to the quadrant and the range: each cell to one quadrant."""
    across = abs(s - side)
    return (across <= away if down else across < away) and across * across + away * away <= range_cells * range_cells


@njit(error_model="numpy", cache=True, nogil=True)
def thinning(away: float, rays: int, spacing_cells: float) -> int:
    """Every how many-th ray is enough ``away`` cells from the mast: a power of two, ``spacing_cells`` apart at most."""
    thin = 1
    while thin < THINNEST and 4.0 * thin * away <= spacing_cells * rays:
        thin *= 2
    return thin


@njit(error_model="numpy", cache=True, nogil=True)
def cells_in_range(row: float, col: float, range_cells: float, row0: int, row1: int, col0: int, col1: int) -> int:
    """How many cell centres of a window lie within range of a mast: what ``spread`` must have seen in the end."""
    count = 0
    for r in range(row0, row1):
        down = abs(r - row)
        half = sqrt(max(range_cells * range_cells - down * down, 0.0))
        low, high = max(floor(col - half), col0), min(ceil(col + half), col1 - 1)
        while low <= high and abs(low - col) ** 2 + down * down > range_cells * range_cells:
            low += 1
        while high >= low and abs(high - col) ** 2 + down * down > range_cells * range_cells:
            high -= 1
        count += high - low + 1
    return count
