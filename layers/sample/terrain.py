"""Terrain of the sample: a smooth target surface is given detail that drains, and is held to the target's means.

Detail is fractal noise worked by rivers: the implicit stream-power step of Braun and Willett (2013, doi:10.1016/
j.geomorph.2012.10.008, eq. 21, n = 1) with a little hillslope creep. After each step the surface is pulled back to its
low-pass target by a factor, so the sea stays at 0 and land never falls below it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import fft, ndimage

from phusong.layers.grid import Grid

Field = NDArray[np.float64]
Flags = NDArray[np.bool_]

LAND_MIN_M = 0.5
_FILL_M = 80.0
_AREA_EXPONENT = 0.45
_EROSION = 0.16  # of a cell of 1 km2 of catchment, per step and km of way
_CREEP_CELLS = 0.45


def fractal(
    shape: tuple[int, int], *, cell_m: float, longest_m: float, slope: float, rng: np.random.Generator
) -> Field:
    """A Gaussian random field, mean 0, deviation 1; its power falls as frequency^-``slope`` below ``longest_m``.

    The field is made on a frame larger by ``longest_m`` and cut, so that opposite edges are not alike.
    """
    pad = int(np.ceil(longest_m / cell_m))
    rows, cols = (fft.next_fast_len(n + pad, real=True) for n in shape)
    wave = np.hypot(fft.fftfreq(rows, cell_m)[:, None], fft.rfftfreq(cols, cell_m)[None, :])
    amplitude = (np.maximum(wave, 1e-12) ** 2 + longest_m**-2.0) ** (-slope / 4)
    amplitude[0, 0] = 0.0
    spectrum = fft.rfft2(rng.standard_normal((rows, cols))) * amplitude
    field: Field = fft.irfft2(spectrum, s=(rows, cols))[: shape[0], : shape[1]]
    scaled: Field = (field - field.mean()) / field.std()
    return scaled


def ridged(shape: tuple[int, int], *, cell_m: float, longest_m: float, rng: np.random.Generator) -> Field:
    """Noise with sharp crests and rounded floors, roughly -2 to 1, mean 0: folded Gaussian fields of falling size."""
    total = np.zeros(shape)
    for octave, weight in enumerate((1.0, 0.5, 0.25)):
        part = fractal(shape, cell_m=cell_m, longest_m=longest_m / 2**octave, slope=5.0, rng=rng)
        total -= weight * np.abs(part)
    centred: Field = total - total.mean()
    return centred


@njit(cache=True, error_model="numpy")
def drain(
    height: Field, order: NDArray[np.int64], fixed: Flags, receiver: NDArray[np.int64], catchment: Field
) -> None:  # pragma: no cover
    """Write the receiver (flat index) of cells that have a lower neighbour, and add up the catchments (cells).

    ``order`` rises in height; ``receiver`` comes as each cell itself, ``catchment`` as 1.
    """
    rows, cols = height.shape
    flat = height.ravel()
    base = fixed.ravel()
    for here in order:
        if base[here]:
            continue
        row, col = here // cols, here % cols
        steepest = 0.0
        for drow in range(-1, 2):
            for dcol in range(-1, 2):
                r, c = row + drow, col + dcol
                if (drow == 0 and dcol == 0) or r < 0 or c < 0 or r >= rows or c >= cols:
                    continue
                way = 1.4142135623730951 if drow != 0 and dcol != 0 else 1.0
                fall = (flat[here] - flat[r * cols + c]) / way
                if fall > steepest:
                    steepest = fall
                    receiver[here] = r * cols + c
    for k in range(flat.size - 1, -1, -1):
        here = order[k]
        if receiver[here] != here:
            catchment[receiver[here]] += catchment[here]


@njit(cache=True, error_model="numpy")
def _incise(
    height: Field, order: NDArray[np.int64], receiver: NDArray[np.int64], factor: Field
) -> None:  # pragma: no cover
    """Implicit stream-power step in place: z = (z + F z_receiver) / (1 + F), from the outlets upstream."""
    flat = height.ravel()
    for here in order:
        down = receiver[here]
        if down != here:
            flat[here] = (flat[here] + factor[here] * flat[down]) / (1.0 + factor[here])


@njit(cache=True, error_model="numpy")
def lower(filled: Field, height: Field) -> None:  # pragma: no cover
    """Let water of depth ``filled`` - ``height`` run off in place, cells of depth 0 being outlets, until none falls."""
    rows, cols = height.shape
    step = 0.01
    changed = True
    sweep = 0
    while changed:
        changed = False
        for i in range(rows):
            row = i if sweep % 2 == 0 else rows - 1 - i
            for j in range(cols):
                col = j if (sweep // 2) % 2 == 0 else cols - 1 - j
                if filled[row, col] <= height[row, col]:
                    continue
                lowest = np.inf
                for drow in range(-1, 2):
                    for dcol in range(-1, 2):
                        r, c = row + drow, col + dcol
                        if 0 <= r < rows and 0 <= c < cols and filled[r, c] < lowest:
                            lowest = filled[r, c]
                new = max(height[row, col], lowest + step)
                if new < filled[row, col]:
                    filled[row, col] = new
                    changed = True
        sweep += 1


def _fill(height: Field, fixed: Flags) -> Field:
    """``height`` with hollows raised, by ``_FILL_M`` at most, until they drain (Planchon and Darboux 2002, by sweeps).

    Deeper hollows stay closed: rivers work toward their floor, as in a basin whose gorge is narrower than the cells.
    """
    filled = np.where(fixed, height, np.inf)
    lower(filled, height)
    raised: Field = np.minimum(filled, height + _FILL_M)
    return raised


def carve(height: Field, *, land: Flags, cell_m: float, steps: int, control: Callable[[Field], Field]) -> Field:
    """Let rivers work on ``height`` (m); sea cells stay 0; ``control`` restores the means after each step.

    The frame's edge and the sea are the outlets. Shallow hollows are filled first, so that they drain.
    """
    fixed = ~land
    fixed[[0, -1], :] = True
    fixed[:, [0, -1]] = True
    z = np.where(land, np.maximum(height, LAND_MIN_M), 0.0)
    for step in range(steps):
        if step % 12 == 0:
            z = _fill(z, fixed)
        order = np.argsort(z, axis=None, kind="stable")
        receiver, catchment = np.arange(z.size), np.ones(z.size)
        drain(z, order, fixed, receiver, catchment)
        area_km2 = catchment * (cell_m / 1000) ** 2
        _incise(z, order, receiver, _EROSION * area_km2**_AREA_EXPONENT / (cell_m / 1000))
        z = np.where(land, ndimage.gaussian_filter(z, _CREEP_CELLS), 0.0)
        z = np.where(land, np.maximum(control(z), LAND_MIN_M), 0.0)
    return z


def hold(target: Field, *, land: Flags, cell_m: float, scale_m: float) -> Callable[[Field], Field]:
    """A control that scales a surface so that its land-weighted low-pass at ``scale_m`` is that of ``target``."""
    sigma = scale_m / cell_m
    weight = np.maximum(ndimage.gaussian_filter(land.astype(np.float64), sigma), 1e-6)
    wanted = ndimage.gaussian_filter(np.where(land, target, 0.0), sigma) / weight

    def control(z: Field) -> Field:
        found = ndimage.gaussian_filter(np.where(land, z, 0.0), sigma) / weight
        scaled: Field = z * np.clip((wanted + LAND_MIN_M) / (found + LAND_MIN_M), 0.2, 5.0)
        return scaled

    return control


def coarser(grid: Grid, *, cell_m: float) -> tuple[Grid, int]:
    """The working grid that holds ``grid`` in whole blocks of about ``cell_m``, and the cells a block is wide."""
    times = max(1, round(cell_m / grid.cell_m))
    rows, cols = (-(-n // times) for n in grid.shape)
    return Grid(grid.crs, grid.left_m, grid.top_m, grid.cell_m * times, (rows, cols)), times


def finer(z: Field, *, grid: Grid, times: int) -> Field:
    """Bring a surface of the working grid onto ``grid`` by cubic splines through the cell centres."""
    if times == 1:
        return z.copy()
    rows, cols = ((np.arange(n) + 0.5) / times - 0.5 for n in grid.shape)
    at = np.meshgrid(rows, cols, indexing="ij")
    fine: Field = ndimage.map_coordinates(z, at, order=3, mode="nearest")
    return fine


def roughen(z: Field, *, land: Flags, cell_m: float, rng: np.random.Generator) -> Field:
    """Add the last detail below the working grid: fractal noise that grows with the slope; land stays above the sea."""
    down, across = np.gradient(ndimage.gaussian_filter(z, 1.5), cell_m)
    steep = np.hypot(down, across)
    detail = fractal(z.shape, cell_m=cell_m, longest_m=900.0, slope=3.2, rng=rng)
    amplitude = 0.1 + 26.0 * np.minimum(steep, 0.6)
    return np.where(land, np.maximum(z + amplitude * detail, LAND_MIN_M), 0.0)


def relief_m(smooth: Field, *, cell_m: float) -> Field:
    """Amplitude (m) of the noise: grows with height and with the height above the lowest ground within 6 km."""
    low = ndimage.minimum_filter(smooth, size=int(12000 / cell_m) | 1)
    low = ndimage.gaussian_filter(low, 3000 / cell_m)
    amplitude: Field = 0.36 * np.maximum(smooth - low, 0.0) + 0.2 * smooth
    return amplitude


def worked(smooth: Field, relief: Field, land: Flags, work: Grid, *, rng: np.random.Generator) -> Field:
    """Terrain on ``work`` with the broad means of ``smooth``: rivers work on wide cells, then on those of ``work``.

    The wide step finds the great valleys, so that hollows of the noise are opened; the second one adds the small.
    """
    wide, times = coarser(work, cell_m=3 * work.cell_m)
    low, amplitude, share = (blocks(v, wide.shape, times) for v in (smooth, relief, land.astype(np.float64)))
    ashore = share > 0.5
    rough = low + amplitude * (
        ridged(wide.shape, cell_m=wide.cell_m, longest_m=12000.0, rng=rng)
        + 0.15 * fractal(wide.shape, cell_m=wide.cell_m, longest_m=2500.0, slope=2.5, rng=rng)
    )
    rim = np.ones(wide.shape, dtype=bool)
    rim[1:-1, 1:-1] = False
    rough[rim] *= 0.6  # rivers leave the frame in valleys, not on its hills
    control = hold(low, land=ashore, cell_m=wide.cell_m, scale_m=4500.0)
    broad = carve(rough, land=ashore, cell_m=wide.cell_m, steps=36, control=control)
    target = np.maximum(finer(broad, grid=work, times=times), LAND_MIN_M)
    dunes = fractal(work.shape, cell_m=work.cell_m, longest_m=4000.0, slope=3.6, rng=rng)
    start = target + np.minimum(0.25 * smooth, 3.0) * dunes
    start += 0.45 * relief * ridged(work.shape, cell_m=work.cell_m, longest_m=2600.0, rng=rng)
    control = hold(target, land=land, cell_m=work.cell_m, scale_m=1200.0)
    return carve(np.maximum(start, 0.6 * target), land=land, cell_m=work.cell_m, steps=9, control=control)


def blocks(values: Field, shape: tuple[int, int], times: int) -> Field:
    """Means over whole blocks of ``times`` cells; the last row and column are repeated to fill the last block."""
    spare = [(0, n * times - m) for n, m in zip(shape, values.shape, strict=True)]
    full = np.pad(values, spare, mode="edge")
    means: Field = full.reshape(shape[0], times, shape[1], times).mean(axis=(1, 3))
    return means
