"""What lets the sweep leave masts untried: no bound may lie below what a mast really brings."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from phusong.coverage.radio import NO_SERVER_DBM, compute, kernels
from phusong.coverage.radio.network import build_network
from phusong.coverage.radio.sweep import Terrain, lowest_ground

ON = date(2012, 12, 31)
EARTH_M = 6_371_000.0 * 4.0 / 3.0


@pytest.mark.parametrize("site", [0, 4, 6, 9, 13, 20])
@pytest.mark.parametrize("tile_cells", [8, 16])
def test_no_tile_gets_more_than_its_bound(province, mountains, site, tile_cells) -> None:
    sites, sectors = province
    one, its = sites[sites["site_id"] == f"s{site}"], sectors[sectors["site_id"] == f"s{site}"]
    terrain = Terrain.of(mountains)
    common = {"on": ON, "max_range_m": 20_000.0}
    result = compute(one, its, elevation=mountains, where=None, grid=mountains.grid, **common)
    masts = build_network(one, its, terrain=terrain, **common).masts
    levels = np.stack(list(result.levels.values()))
    rows, cols = mountains.grid.shape
    tightest = np.inf
    for row in range(0, rows, tile_cells):
        for col in range(0, cols, tile_cells):
            box = (slice(row, min(row + tile_cells, rows)), slice(col, min(col + tile_cells, cols)))
            ground = mountains.values[box].astype(np.float64)
            brought = levels[:, *box].max(axis=(1, 2))
            upper = np.full(len(masts.sectors), -np.inf)
            kernels.most_dbm(
                terrain.lowest,
                np.array([box[0].start, box[0].stop, box[1].start, box[1].stop]),
                float(ground.min()),
                float(ground.max()),
                masts.place[0],
                masts.sectors,
                0,
                len(masts.sectors),
                mountains.grid.cell_m,
                EARTH_M,
                1.5,
                upper,
            )
            bound = np.array([upper[masts.key == key].max() for key in range(len(levels))])
            assert (bound >= np.where(brought == NO_SERVER_DBM, -np.inf, brought) - 1e-4).all()
            tightest = min(tightest, float((bound - brought).min()))
    assert tightest < 3.0


def test_the_lowest_ground_is_the_least_around_a_block(mountains) -> None:
    values = mountains.values[:41, :57].copy()
    values[20, 30] = np.nan
    lowest = lowest_ground(values)
    block = kernels.BLOCK_CELLS
    filled = np.where(np.isnan(values), np.float32(-kernels.VOID), values)
    for level, radius in enumerate(kernels.RADII):
        for row in range(lowest.shape[1]):
            for col in range(lowest.shape[2]):
                around = filled[
                    max(0, row * block - radius) : (row + 1) * block + radius,
                    max(0, col * block - radius) : (col + 1) * block + radius,
                ]
                assert lowest[level, row, col] == around.min()
