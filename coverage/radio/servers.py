"""The best masts of every cell: lists that masts enter and leave, one mast's path losses at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import blake2b
from math import inf
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import get_num_threads
from numpy.typing import NDArray

from phusong.coverage.radio import path_kernels, server_kernels
from phusong.coverage.radio.models import MOST_APART_DB, Propagation, losses_along, losses_at_mast_db
from phusong.coverage.radio.network import Mast
from phusong.coverage.radio.rays import I64, NO_WARNINGS, Window, path_losses, window_of
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.errors import ComputeError

Store = MutableMapping[str, bytes]
"""Path losses of a mast and band by the content of all that they were computed from."""
Progress = Callable[[int, int], None]
"""Called with (masts done, masts in all)."""

BATCH_MASTS = 16
PARTS_A_THREAD = 4


class Losses(NamedTuple):
    """Window, and (bands, rows, cols) in 0.1 dB: see ``rays.path_losses``. ``warned``: (bands, counts of warnings)."""

    window: Window
    tenth_db: NDArray[np.int16]
    warned: I64


@dataclass(frozen=True)
class Surroundings:
    """What every mast's levels are computed in. ``patterns``: (n, 2, 360) dB, see ``network.pattern_table``."""

    terrain: Terrain
    propagation: Propagation
    patterns: NDArray[np.float32]
    store: Store | None = None


@dataclass(frozen=True)
class Served:
    """The lists of the cells asked for; see ``server_kernels.serve``.

    ``where``: (rows, cols) the cells, row by row; ``level``, ``server``: (keys, kept, cells); ``above``: (keys, cells);
    ``doubt``: (keys, cells), -inf where no path across a void matters, without cells where there is no void. ``pairs``:
    of cell and mast, entered so far. ``warned``: counts of warnings of all losses, see ``rays.Loss``.
    """

    where: NDArray[np.bool_]
    level: NDArray[np.float32]
    server: NDArray[np.int32]
    above: NDArray[np.uint16]
    doubt: NDArray[np.float32]
    pairs: int = 0
    warned: I64 = field(default_factory=NO_WARNINGS.copy)

    @classmethod
    def empty(cls, where: NDArray[np.bool_], *, keys: int, kept: int, voids: bool, warned: int = 0) -> Served:
        """Lists without a mast for the cells ``where`` asks for."""
        cells = int(np.count_nonzero(where))
        return cls(
            where,
            np.full((keys, kept, cells), server_kernels.NO_SERVER_DBM, dtype=np.float32),
            np.full((keys, kept, cells), server_kernels.NONE, dtype=np.int32),
            np.zeros((keys, cells), dtype=np.uint16),
            np.full((keys, cells if voids else 0), -np.inf, dtype=np.float32),
            warned=np.zeros(warned, dtype=np.int64),
        )

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """(rows, cols): where a cell's list stands, that of the next one asked for where it has none."""
        return np.asarray(np.cumsum(self.where.reshape(-1)).reshape(self.where.shape) - self.where)


def runs_of(where: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cells side by side as (n, 4): row, first column, last column and one, cells before them; row by row."""
    rows, cols = where.shape
    if where.all():
        row = np.arange(rows)
        return np.stack([row, np.zeros_like(row), np.full_like(row, cols), row * cols], axis=1)
    edges = np.diff(where.astype(np.int8), axis=1, prepend=0, append=0)
    row, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1]
    return np.stack([row, first, last, np.cumsum(last - first) - (last - first)], axis=1)


def enter(
    served: Served,
    masts: Sequence[Mast],
    *,
    around: Surroundings,
    leaving: bool = False,
    only: NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> Served:
    """Enter masts into the lists, in place, or take them out; the result does not depend on their order or on threads.

    ``only``: the cells, (rows, cols), whose lists are touched. ComputeError if a pair of cell and mast was lost.
    """
    cells = served.where if only is None else only & served.where
    runs = runs_of(cells)
    if only is not None:
        runs[:, 3] = served.place[runs[:, 0], runs[:, 1]]
    pairs, warned = 0, served.warned
    with ThreadPoolExecutor(get_num_threads()) as threads:
        for first in range(0, len(masts), BATCH_MASTS):
            batch = masts[first : first + BATCH_MASTS]
            losses = list(threads.map(partial(mast_losses, around=around), batch))
            work = partial(
                _serve_runs,
                runs=runs,
                served=served,
                batch=list(zip(batch, losses, strict=True)),
                around=around,
                leaving=leaving,
            )
            rows = np.array([loss.window[:2] for loss in losses])
            first_run, last_run = np.searchsorted(runs[:, 0], [rows[:, 0].min(), rows[:, 1].max()]).tolist()
            parts = PARTS_A_THREAD * get_num_threads()
            edges = [first_run + (last_run - first_run) * part // parts for part in range(parts + 1)]
            done = sum(threads.map(work, edges[:-1], edges[1:]))
            expected = sum(
                int(np.count_nonzero(cells[row0:row1, col0:col1] & (tenth_db[0] != 0)))
                for (row0, row1, col0, col1), tenth_db, _ in losses
            )
            if done != expected:
                raise ComputeError("radio.error.lost", done=done, expected=expected)
            pairs += done
            if only is None:
                of_batch = sum(loss.warned.sum(axis=0) for loss in losses)
                warned = warned - of_batch if leaving else warned + of_batch
            if progress is not None:
                progress(first + len(batch), len(masts))
    return replace(served, pairs=served.pairs + pairs, warned=warned)


def mast_losses(mast: Mast, *, around: Surroundings) -> Losses:
    """Path losses of a mast in its bands, taken from the store where it holds them, else computed and put there."""
    terrain, store = around.terrain, around.store
    range_cells = mast.range_m / terrain.grid.cell_m
    if store is None:
        return _computed(mast, mast.bands_mhz, around=around)
    window = window_of(mast.place, range_cells=range_cells, shape=terrain.grid.shape)
    keys = {mhz: loss_key(mast, mhz, window=window, around=around) for mhz in mast.bands_mhz}
    shape = (window[1] - window[0], window[3] - window[2])
    found: dict[float, tuple[NDArray[np.int16], I64]] = {}
    for mhz, key in keys.items():
        packed = store.get(key)
        losses = None if packed is None else unpacked(packed, shape, warned=around.propagation.warned)
        if losses is not None:
            found[mhz] = losses
    missing = tuple(mhz for mhz in mast.bands_mhz if mhz not in found)
    if missing:
        _, tenth_db, warned = _computed(mast, missing, around=around)
        for band, mhz in enumerate(missing):
            found[mhz] = tenth_db[band], warned[band]
            store[keys[mhz]] = packed_losses(*found[mhz])
    each = [found[mhz] for mhz in mast.bands_mhz]
    return Losses(window, np.stack([tenth_db for tenth_db, _ in each]), np.stack([warned for _, warned in each]))


def mast_level(mast: Mast, *, around: Surroundings) -> tuple[Window, NDArray[np.float32]]:
    """Level in dBm of the strongest sector of a mast on the window of its range, its sectors all of one map.

    NaN where the cell is void or the path crosses a void, ``NO_SERVER_DBM`` beyond range.
    """
    terrain = around.terrain
    window, tenth_db, warned = mast_losses(mast, around=around)
    row0, row1, col0, col1 = window
    everywhere = np.ones(tenth_db.shape[1:], dtype=np.bool_)
    served = Served.empty(everywhere, keys=1, kept=1, voids=terrain.voids)
    row, col, tx_m, ground_m = mast.place
    _serve_runs(
        0,
        row1 - row0,
        runs=runs_of(everywhere),
        served=served,
        batch=[(replace(mast, place=(row - row0, col - col0, tx_m, ground_m)), Losses((0, 0, 0, 0), tenth_db, warned))],
        around=replace(around, terrain=terrain.cut(window)),
        leaving=False,
    )
    level = np.where(served.server[0, 0] >= 0, served.level[0, 0], np.float32(server_kernels.NO_SERVER_DBM))
    void = terrain.by_row[row0 + 1 : row1 + 1, col0 + 1 : col1 + 1] >= path_kernels.HIGHEST_M
    return window, np.where(void | (tenth_db[0] < 0), np.float32(np.nan), level.reshape(void.shape))


def loss_key(mast: Mast, band_mhz: float, *, window: Window, around: Surroundings) -> str:
    """Content hash of all that the losses of a mast and band are computed from: heights, place, band, model."""
    row, col, tx_m, ground_m = mast.place
    text = f"{row - window[0]!r} {col - window[2]!r} {tx_m!r} {ground_m!r} {mast.range_m!r} {band_mhz!r}"
    text += f" {around.terrain.grid.cell_m!r} {window[1] - window[0]} {window[3] - window[2]} {around.propagation.key}"
    return blake2b(text.encode() + around.terrain.content(window), digest_size=20).hexdigest()


def packed_losses(tenth_db: NDArray[np.int16], warned: I64) -> bytes:
    """int16 (rows, cols) as bytes: the steps along the rows, then the counts of warnings, compressed (Zstandard)."""
    steps = np.diff(tenth_db, axis=1, prepend=np.int16(0))
    return bytes(pa.compress(steps.tobytes() + warned.tobytes(), codec="zstd", asbytes=True))


def unpacked(packed: bytes, shape: tuple[int, int], *, warned: int) -> tuple[NDArray[np.int16], I64] | None:
    """What ``packed_losses`` packed, with so many counts; None if the bytes are not what it wrote."""
    cells = shape[0] * shape[1]
    size = 2 * cells + 8 * warned
    try:
        found = pa.decompress(packed, decompressed_size=size, codec="zstd")
    except (pa.ArrowException, OSError, ValueError):
        return None
    if len(found) != size:
        return None
    steps = np.frombuffer(found, dtype=np.int16, count=cells)
    counts = np.frombuffer(found, dtype=np.int64, offset=2 * cells).copy()
    return np.cumsum(steps.reshape(shape), axis=1, dtype=np.int16), counts


def near(masts: Iterable[Mast], cells: NDArray[np.bool_], *, cell_m: float) -> list[Mast]:
    """The masts within whose range one of the cells (rows, cols) may lie."""
    rows, cols = np.nonzero(cells)
    if not len(rows):
        return []
    top, bottom, left, right = rows.min(), rows.max(), cols.min(), cols.max()

    def away(mast: Mast) -> float:
        row, col = mast.place[:2]
        return float(np.hypot(max(top - row, row - bottom, 0.0), max(left - col, col - right, 0.0)))

    return [mast for mast in masts if away(mast) * cell_m <= mast.range_m]


def _computed(mast: Mast, bands_mhz: tuple[float, ...], *, around: Surroundings) -> Losses:
    warned = np.zeros((len(bands_mhz), around.propagation.warned), dtype=np.int64)
    window, tenth_db = path_losses(
        around.terrain,
        mast.place,
        range_cells=mast.range_m / around.terrain.grid.cell_m,
        bands=len(bands_mhz),
        losses=partial(losses_along, bands_mhz=bands_mhz, propagation=around.propagation),
        at_mast_db=losses_at_mast_db(mast.place, bands_mhz=bands_mhz, propagation=around.propagation),
        most_apart_db=MOST_APART_DB.get(around.propagation.model, inf),
        warned=warned,
    )
    return Losses(window, tenth_db, warned)


def _serve_runs(
    first_run: int,
    last_run: int,
    *,
    runs: NDArray[np.int64],
    served: Served,
    batch: Sequence[tuple[Mast, Losses]],
    around: Surroundings,
    leaving: bool,
) -> int:
    """The masts of a batch in some runs of cells: no other thread touches their lists."""
    seen = 0
    for mast, (window, tenth_db, _) in batch:
        seen += server_kernels.serve(
            first_run,
            last_run,
            runs,
            window[0],
            window[2],
            tenth_db,
            np.array(mast.place),
            mast.sectors,
            mast.band,
            mast.key,
            mast.number,
            around.patterns,
            around.terrain.by_row,
            around.terrain.grid.cell_m,
            around.propagation.earth_radius_m,
            around.propagation.terminal_height_m,
            served.level,
            served.server,
            served.above,
            served.doubt,
            leaving,
        )
    return seen
