"""Compiled geometry of paths for the Irregular Terrain Model: over a profile, to all samples of rays, or from siting.

[A x.y] is an equation of G. A. Hufford, "The ITS Irregular Terrain Model, version 1.2.2: the algorithm" (NTIA/ITS);
[TN101] P. L. Rice et al., NBS Technical Note 101. A path is ten numbers, whose columns are named below; the loss over
it follows in ``itm_core.py``. Terminal 1 transmits, 2 receives; metres, radians. The two files are compiled apart
(numba's cache watches only the file of a function) and share nothing but these numbers.
"""

# ruff: noqa: PLR0917  (numba takes plain positional arguments)
from __future__ import annotations

from math import ceil, exp, inf, pi, sin, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

DISTANCE, REFRACTIVITY, CURVATURE, IRREGULARITY = range(4)
THETA_1, THETA_2, HORIZON_1, HORIZON_2, EFFECTIVE_1, EFFECTIVE_2 = range(4, 10)
PATH_SIZE = 10

EARTH_CURVATURE = 157e-9  # gamma_a of [A 1.3], 1/m
READINGS = 245  # places at most at which the terrain is read for its irregularity
BLOCK = 8  # points of a ray that are passed over together if none can be a horizon


@njit(error_model="numpy", cache=True, nogil=True)
def bend_earth(path: F64, sea_level_refractivity: float, height_m: float) -> None:
    """Surface refractivity at a height above sea level, [A 1.2], and the effective Earth's curvature, [A 1.3]."""
    path[REFRACTIVITY] = sea_level_refractivity * exp(-height_m / 9460.0)
    path[CURVATURE] = EARTH_CURVATURE * (1.0 - 0.04665 * exp(path[REFRACTIVITY] / 179.3))


@njit(error_model="numpy", cache=True, nogil=True)
def horizon(
    heights: F64, n: int, step_m: float, from_tx: bool, own_m: float, other_m: float, curvature: float
) -> tuple[float, int]:
    """Elevation angle of one terminal's horizon and its distance in steps; line of sight: the other end.

    TN101 eq. (6.15). ``own_m`` and ``other_m``: antennas above sea level; of equal angles the nearest counts.
    """
    path_m = n * step_m
    angle = (other_m - own_m) / path_m - 0.5 * curvature * path_m
    at = n
    for i in range(1, n):
        d_m = i * step_m
        height_m = heights[i] if from_tx else heights[n - i]
        rise = (height_m - own_m) / d_m - 0.5 * curvature * d_m
        if rise > angle:
            angle = rise
            at = i
    return angle, at


@njit(error_model="numpy", cache=True, nogil=True)
def running_sums(heights: F64, n: int, sums: F64, moments: F64) -> None:
    """Fills sums[k] and moments[k], the sums of heights[i] and of i heights[i] over i < k, for k up to n + 1."""
    sums[0] = moments[0] = 0.0
    for i in range(n + 1):
        sums[i + 1] = sums[i] + heights[i]
        moments[i + 1] = moments[i] + i * heights[i]


@njit(error_model="numpy", cache=True, nogil=True)
def general_elevation_m(heights: F64, feet: F64, sums: F64, n: int) -> float:
    """Mean of the profile without a tenth of the path at each end; ``feet``: heights under receivers."""
    tenth = int(0.1 * n)
    end_m = feet[n] if tenth == 0 else heights[n - tenth]
    return float((sums[n - tenth] - sums[tenth] + end_m) / (n - 2 * tenth + 1))


@njit(error_model="numpy", cache=True, nogil=True)
def fitted_line(heights: F64, sums: F64, moments: F64, first: int, last: int) -> tuple[float, float, float]:
    """Least squares line over heights[first..last], both ends with half weight: mean, slope a step, middle index."""
    length = last - first
    middle = 0.5 * (first + last)
    inner = sums[last] - sums[first + 1]
    total = inner + 0.5 * (heights[first] + heights[last])
    moment = moments[last] - moments[first + 1] - middle * inner
    moment += 0.25 * length * (heights[last] - heights[first])
    return total / length, moment * 12.0 / ((length * length + 2.0) * length), middle


@njit(error_model="numpy", cache=True, nogil=True)
def kth_smallest(values: F64, count: int, k: int) -> float:
    """The value that would stand at place ``k`` (from 0) if the first ``count`` were sorted; reorders them (FIND)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[k]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if j < k:
            low = i
        if i > k:
            high = j
    return float(values[k])


@njit(error_model="numpy", cache=True, nogil=True)
def interdecile_range_m(heights: F64, n: int, step_m: float, near: float, far: float, work: F64) -> float:
    """Terrain irregularity delta h, m, between two positions in steps: 10 to 90 % range about the fitted line.

    The terrain is read at 35 to 245 places; the range is brought to its asymptote by [A 3.9] turned about.
    """
    if far - near < 2.0:
        return 0.0
    tenth = min(max(4, int(0.1 * (far - near + 8.0))), 25)
    count = 10 * tenth - 5
    spacing = (far - near) / (count - 1)
    middle = 0.5 * (count - 1)
    total = moment = 0.0
    for j in range(count):
        position = near + j * spacing
        i = min(int(position), n - 1)
        work[j] = heights[i] + (heights[i + 1] - heights[i]) * (position - i)
        total += work[j]
        moment += work[j] * (j - middle)
    total -= 0.5 * (work[0] + work[count - 1])  # the ends of the line have half weight
    moment -= 0.5 * middle * (work[count - 1] - work[0])
    length = count - 1
    mean, slope = total / length, moment * 12.0 / ((length * length + 2.0) * length)
    for j in range(count):
        work[j] -= mean + slope * (j - middle)
    spread_m = kth_smallest(work, count, count - tenth) - kth_smallest(work, count, tenth - 1)
    return spread_m / (1.0 - 0.8 * exp(-(far - near) * step_m / 50e3))


@njit(error_model="numpy", cache=True, nogil=True)
def assume_horizons(path: F64) -> None:
    """Fills the horizons' distances [A 3.3] and angles [A 3.4] as the irregularity of the terrain makes them likely."""
    for i in range(2):
        effective_m = path[EFFECTIVE_1 + i]
        smooth_m = sqrt(2.0 * effective_m / path[CURVATURE])
        longer = exp(0.07 * sqrt(path[IRREGULARITY] / max(effective_m, 5.0)))
        path[HORIZON_1 + i] = smooth_m / longer
        path[THETA_1 + i] = (0.65 * path[IRREGULARITY] * (longer - 1.0) - 2.0 * effective_m) / smooth_m


@njit(error_model="numpy", cache=True, nogil=True)
def sited_height_m(height_m: float, siting: int, irregularity_m: float) -> float:
    """Effective height of a terminal that was set up with this care, [A 3.1], [A 3.2]."""
    if siting == 0:
        return height_m
    gain_m = 4.0 if siting == 1 else 9.0
    if height_m < 5.0:
        gain_m *= sin(0.1 * pi * height_m)
    return height_m + (1.0 + gain_m) * exp(-min(20.0, 2.0 * height_m / max(1e-3, irregularity_m)))


@njit(error_model="numpy", cache=True, nogil=True)
def open_ground(
    n: int, mast: float, step_m: float, out_1: float, out_2: float, tx_height_m: float, rx_height_m: float
) -> tuple[float, float]:
    """Where the ground that counts begins and ends, in steps: not at the foot of a terminal, TR-82-100."""
    return mast + min(15.0 * tx_height_m / step_m, 0.1 * out_1), n - min(15.0 * rx_height_m / step_m, 0.1 * out_2)


@njit(error_model="numpy", cache=True, nogil=True)
def fill_terminals(
    heights: F64,
    sums: F64,
    moments: F64,
    n: int,
    mast: float,
    step_m: float,
    out_1: float,
    out_2: float,
    tx_height_m: float,
    rx_height_m: float,
    path: F64,
) -> None:
    """Fills horizon distances and effective heights, and the angles anew in line of sight, TR-82-100.

    ``n``, ``mast``: index of the receiver, and position of the transmitter between the indices 0 and 1 (its height is
    heights[0]); ``out_1``, ``out_2``: steps from each terminal to its horizon.
    """
    near, far = open_ground(n, mast, step_m, out_1, out_2, tx_height_m, rx_height_m)
    first, last = int(near), ceil(far)
    at_mast = mast if first > 0 else 0.0  # a line through the transmitter takes its step as a whole one
    path[HORIZON_1], path[HORIZON_2] = out_1 * step_m, out_2 * step_m
    if out_1 + out_2 <= 1.5 * (n - mast):  # beyond the horizon: each over the ground before its own horizon
        mean, slope, middle = fitted_line(heights, sums, moments, first, ceil(mast + 0.9 * out_1))
        path[EFFECTIVE_1] = tx_height_m + max(heights[0] - mean + slope * (middle - at_mast), 0.0)
        mean, slope, middle = fitted_line(heights, sums, moments, n - ceil(0.9 * out_2), last)
        path[EFFECTIVE_2] = rx_height_m + max(heights[n] - mean - slope * (n - middle), 0.0)
        return
    mean, slope, middle = fitted_line(heights, sums, moments, first, last)
    path[EFFECTIVE_1] = tx_height_m + max(heights[0] - mean + slope * (middle - at_mast), 0.0)
    path[EFFECTIVE_2] = rx_height_m + max(heights[n] - mean - slope * (n - middle), 0.0)
    assume_horizons(path)
    both_m = path[HORIZON_1] + path[HORIZON_2]
    if both_m <= path[DISTANCE]:
        lift = (path[DISTANCE] / both_m) ** 2
        path[EFFECTIVE_1] *= lift
        path[EFFECTIVE_2] *= lift
        assume_horizons(path)


@njit(error_model="numpy", cache=True, nogil=True)
def profile_path(
    heights: F64, step_m: float, tx_height_m: float, rx_height_m: float, sea_level_refractivity: float, path: F64
) -> None:
    """Fills a path from the ground at equal steps, both ends included."""
    n = len(heights) - 1
    sums, moments = np.empty(n + 2), np.empty(n + 2)
    running_sums(heights, n, sums, moments)
    path[DISTANCE] = n * step_m
    bend_earth(path, sea_level_refractivity, general_elevation_m(heights, heights, sums, n))
    top_1_m, top_2_m = heights[0] + tx_height_m, heights[n] + rx_height_m
    path[THETA_1], at_1 = horizon(heights, n, step_m, True, top_1_m, top_2_m, path[CURVATURE])
    path[THETA_2], at_2 = horizon(heights, n, step_m, False, top_2_m, top_1_m, path[CURVATURE])
    near, far = open_ground(n, 0.0, step_m, at_1, at_2, tx_height_m, rx_height_m)
    path[IRREGULARITY] = interdecile_range_m(heights, n, step_m, near, far, np.empty(READINGS))
    fill_terminals(heights, sums, moments, n, 0.0, step_m, at_1, at_2, tx_height_m, rx_height_m, path)


@njit(error_model="numpy", cache=True, nogil=True)
def area_path(
    siting_1: int, siting_2: int, tx_height_m: float, rx_height_m: float, sea_level_refractivity: float, path: F64
) -> None:
    """Fills a path known by DISTANCE and IRREGULARITY; ``siting``: 0 random, 1 careful, 2 very careful."""
    bend_earth(path, sea_level_refractivity, 0.0)
    path[EFFECTIVE_1] = sited_height_m(tx_height_m, siting_1, path[IRREGULARITY])
    path[EFFECTIVE_2] = sited_height_m(rx_height_m, siting_2, path[IRREGULARITY])
    assume_horizons(path)


@njit(error_model="numpy", cache=True, nogil=True)
def steepest(over_m: float, inverse_near: float, inverse_far: float) -> float:
    """The steepest rise that ground of this height over the eye can have between two distances, the Earth flat."""
    return over_m * (inverse_near if over_m > 0.0 else inverse_far)


@njit(error_model="numpy", cache=True, nogil=True)
def ray_horizons(
    heights: F64,
    feet: F64,
    sums: F64,
    begin: int,
    last: int,
    mast: float,
    step_m: float,
    tx_m: float,
    rx_height_m: float,
    sea_level_refractivity: float,
    paths: F64,
    scratch: F64,
) -> None:
    """Fills distance, Earth and both horizons (angle and, in steps, distance) of the paths to begin + 1..last.

    The horizons are those of ``horizon``. The transmitter's: an angle [TN101 (6.15)] is a linear function of the
    curvature, so the highest is a vertex of the upper hull of the points (distance, rise), which grows by one point a
    sample and on which it moves little. The receiver's: points are tried from the receiver outwards, until the highest
    ground of all that remain could not rise over the horizon. ``scratch`` (6, at least last + 1).
    """
    hull_m, hull_rise, hull_at = scratch[0], scratch[1], scratch[2]
    highest, tops, inverse = scratch[3], scratch[4], scratch[5]  # of all points and of each block; 1 / distance
    size = at = 0
    highest[0] = -inf
    for n in range(1, last + 1):
        inverse[n] = 1.0 / (n * step_m)
        path_m = (n - mast) * step_m
        if n > begin:
            path = paths[n - 1]
            path[DISTANCE] = path_m
            bend_earth(path, sea_level_refractivity, general_elevation_m(heights, feet, sums, n))
            half = 0.5 * path[CURVATURE]
            rx_m = feet[n] + rx_height_m

            angle, out = (rx_m - tx_m) / path_m - half * path_m, n - mast
            if size > 0:
                at = min(at, size - 1)
                while at + 1 < size and hull_rise[at + 1] - half * hull_m[at + 1] > hull_rise[at] - half * hull_m[at]:
                    at += 1
                while at > 0 and hull_rise[at - 1] - half * hull_m[at - 1] >= hull_rise[at] - half * hull_m[at]:
                    at -= 1
                if hull_rise[at] - half * hull_m[at] > angle:
                    angle = hull_rise[at] - half * hull_m[at]
                    out = hull_at[at] - mast
            path[THETA_1], path[HORIZON_1] = angle, out

            angle, out = (tx_m - rx_m) / path_m - half * path_m, n - mast
            i = n - 1  # the nearest point not yet tried
            while i > 0:
                block, k = (i - 1) // BLOCK, n - i
                if steepest(highest[i] - rx_m, inverse[k], inverse[n]) - half * k * step_m <= angle:
                    break
                if steepest(tops[block] - rx_m, inverse[k], inverse[n]) - half * k * step_m > angle:
                    for k in range(n - i, n - block * BLOCK):
                        rise = (heights[n - k] - rx_m) * inverse[k] - half * k * step_m
                        if rise > angle:
                            angle, out = rise, float(k)
                i = block * BLOCK
            path[THETA_2], path[HORIZON_2] = angle, out

        highest[n] = max(highest[n - 1], heights[n])
        tops[(n - 1) // BLOCK] = heights[n] if n % BLOCK == 1 else max(tops[(n - 1) // BLOCK], heights[n])
        rise = (heights[n] - tx_m) / path_m
        while size > 1 and (hull_rise[size - 1] - hull_rise[size - 2]) * (path_m - hull_m[size - 2]) <= (
            rise - hull_rise[size - 2]
        ) * (hull_m[size - 1] - hull_m[size - 2]):
            size -= 1
        hull_m[size], hull_rise[size], hull_at[size] = path_m, rise, n
        size += 1


@njit(error_model="numpy", cache=True, nogil=True)
def ray_paths(
    ground: F32,
    surface: F32,
    start: I64,
    count: I64,
    first_m: F64,
    step_m: F64,
    tx_m: float,
    tx_ground_m: float,
    rx_height_m: float,
    sea_level_refractivity: float,
    fineness: int,
    paths: F64,
) -> None:
    """Fills ``paths`` (rays, longest, PATH_SIZE) from the transmitter to the samples start..count - 1 of each ray.

    ``fineness``: the irregularity is read anew when a path has grown by this part of itself, and interpolated between.
    """
    longest = ground.shape[1]
    heights, feet = np.empty(longest + 1), np.empty(longest + 1)  # of the profile, and where a receiver stands
    sums, moments = np.empty(longest + 2), np.empty(longest + 2)
    scratch, work = np.empty((6, longest + 1)), np.empty(READINGS)
    heights[0] = tx_ground_m
    tx_height_m = tx_m - tx_ground_m
    for r in range(len(count)):
        begin, last, step = start[r], count[r], step_m[r]
        mast = 1.0 - first_m[r] / step  # its place, in steps; the samples are 1 to count
        for i in range(last):
            heights[i + 1], feet[i + 1] = surface[r, i], ground[r, i]
        running_sums(heights, last, sums, moments)
        ray_horizons(
            heights, feet, sums, begin, last, mast, step, tx_m, rx_height_m, sea_level_refractivity, paths[r], scratch
        )
        read, irregularity_m = begin, 0.0
        while read < last:
            n = read + 1 if read == begin else min(read + max(1, read // fineness), last)
            path = paths[r, n - 1]
            near, far = open_ground(n, mast, step, path[HORIZON_1], path[HORIZON_2], tx_height_m, rx_height_m)
            heights[n] = feet[n]
            next_m = interdecile_range_m(heights, n, step, near, far, work)
            heights[n] = surface[r, n - 1]
            for i in range(read + 1, n + 1):
                path = paths[r, i - 1]
                path[IRREGULARITY] = irregularity_m + (next_m - irregularity_m) * (i - read) / (n - read)
                heights[i] = feet[i]
                out_1, out_2 = path[HORIZON_1], path[HORIZON_2]
                fill_terminals(heights, sums, moments, i, mast, step, out_1, out_2, tx_height_m, rx_height_m, path)
                heights[i] = surface[r, i - 1]
            read, irregularity_m = n, next_m
