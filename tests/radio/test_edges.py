"""Voids, edges, pits, equal heights."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from phusong.coverage.radio import NO_SERVER_DBM, compute, level_at, profile, reach
from phusong.layers.errors import InputError
from phusong.layers.grid import Raster

ON = date(2012, 12, 31)


def level_of(elevation, sites, sectors, **more):
    common = {"max_range_m": 8_000.0} | more
    return compute(sites, sectors, elevation=elevation, where=None, grid=elevation.grid, on=ON, **common)


def flat(grid, height=100.0):
    return Raster(grid, np.full(grid.shape, height, dtype=np.float32))


def test_sites_at_every_edge_and_corner_of_the_elevation(mountains, network_of, reference_level, small_errors) -> None:
    """Linear between two rays: not each cell is exact, all together are."""
    left, bottom, right, top = mountains.grid.bounds
    places = [
        (left, top),
        (right - 1e-6, top),
        (left, bottom + 1e-6),
        (right - 1e-6, bottom + 1e-6),
        (left + 10, top - 4e3),
    ]
    sites, sectors = network_of(places)
    result = level_of(mountains, sites, sectors, max_range_m=30_000.0)
    level = result.levels["2G", "A"]
    assert np.isfinite(level).all()
    assert (level > NO_SERVER_DBM).all()
    corners = [(0, 0), (0, 139), (119, 0), (119, 139)]
    edges = [(r, c) for r in (0, 119) for c in range(3, 139, 9)] + [(r, c) for c in (0, 139) for r in range(3, 119, 9)]
    inside = np.random.default_rng(1).integers(0, mountains.grid.shape, (60, 2)).tolist()
    known = {
        (row, col): max(reference_level(mountains, s, row, col, turn_deg=0.0) for _, s in result.sectors.iterrows())
        for row, col in (*corners, *edges, *map(tuple, inside))
    }
    for cell in corners:
        assert level[cell] == pytest.approx(known[cell], abs=0.1)
    small_errors(np.array([level[cell] - dbm for cell, dbm in known.items()]))


def test_a_void_cell_is_no_data_and_casts_doubt_only_where_it_matters(grid_of, network_of) -> None:
    grid = grid_of(21, 61)
    values = np.full(grid.shape, 100.0, dtype=np.float32)
    values[:, 30] = np.nan  # a wall of voids right across
    sites, sectors = network_of([(grid.x_m[5], grid.y_m[10])])
    level = level_of(Raster(grid, values), sites, sectors).levels["2G", "A"]
    whole = level_of(flat(grid), sites, sectors).levels["2G", "A"]
    np.testing.assert_array_equal(level[:, :30], whole[:, :30])
    assert np.isnan(level[:, 30:]).all()

    # a second site on the far side serves the cells there: what is known to be usable stays known
    sites, sectors = network_of([(grid.x_m[5], grid.y_m[10]), (grid.x_m[55], grid.y_m[10])])
    both = level_of(Raster(grid, values), sites, sectors, usable_dbm={"2G": -300.0})
    assert np.isfinite(both.levels["2G", "A"][:, 31:]).all()
    assert (both.servers["2G", "A"][:, 31:] == 1).all()
    assert both.counts["cells_void"] == 21

    # the known level is not usable, but nothing across the void could be better: known all the same
    sites, sectors = network_of([(grid.x_m[5], grid.y_m[10]), (grid.x_m[60], grid.y_m[10])])
    strict = level_of(Raster(grid, values), sites, sectors, usable_dbm={"2G": 300.0}).levels["2G", "A"]
    assert np.isfinite(strict[10, 54])
    assert np.isnan(strict[0, 31])  # 29 cells from its own mast, 26 from the other


def test_a_mast_beyond_the_void_and_out_of_range_casts_no_doubt(grid_of, network_of) -> None:
    grid = grid_of(5, 61)
    values = np.full(grid.shape, 100.0, dtype=np.float32)
    values[:, 20] = np.nan
    sites, sectors = network_of([(grid.x_m[5], grid.y_m[2])])
    level = level_of(Raster(grid, values), sites, sectors, max_range_m=30 * 90.0).levels["2G", "A"]
    assert level[2, 36] == NO_SERVER_DBM
    assert np.isnan(level[2, 35])
    assert np.isnan(level[2, 20])


def test_a_site_on_a_void_is_refused_by_name(mountains, network_of) -> None:
    values = mountains.values.copy()
    values[50, 50] = np.nan
    holed = Raster(mountains.grid, values)
    grid = holed.grid
    place = (float(grid.x_m[50]) + 20.0, float(grid.y_m[50]))
    sites, sectors = network_of([place])
    with pytest.raises(InputError, match="s0"):
        level_of(holed, sites, sectors)
    with pytest.raises(InputError, match="void"):
        list(reach([place], elevation=holed, grid=grid, technology="2G"))
    with pytest.raises(InputError, match="void"):
        level_at(*place, sites=sites, sectors=sectors, elevation=holed, on=ON)
    with pytest.raises(InputError, match="same point"):
        profile(
            float(grid.x_m[9]), float(grid.y_m[9]), float(grid.x_m[9]), float(grid.y_m[9]),
            elevation=holed, tx_height_m=30.0, rx_height_m=1.5, band_mhz=900.0,
        )  # fmt: skip


def test_a_point_across_a_void_is_not_known(grid_of, network_of) -> None:
    grid = grid_of(5, 61)
    values = np.full(grid.shape, 100.0, dtype=np.float32)
    values[:, 20] = np.nan
    holed = Raster(grid, values)
    sites, sectors = network_of([(grid.x_m[5], grid.y_m[2])])
    table = level_at(float(grid.x_m[40]), float(grid.y_m[2]), sites=sites, sectors=sectors, elevation=holed, on=ON)
    assert table["level_dbm"].isna().all()
    assert table["usable"].isna().all()
    assert table["line_of_sight"].isna().all()
    path = profile(
        float(grid.x_m[5]), float(grid.y_m[2]), float(grid.x_m[40]), float(grid.y_m[2]),
        elevation=holed, tx_height_m=30.0, rx_height_m=1.5, band_mhz=900.0,
    )  # fmt: skip
    assert np.isnan(path.diffraction_db)
    assert path.line_of_sight is None
    assert np.isnan(path.ground_m[15])
    assert np.isfinite(path.ground_m[[14, 16]]).all()


def test_a_mast_in_a_pit_reaches_less_than_one_on_the_plain(grid_of, network_of) -> None:
    grid = grid_of(41, 41)
    values = np.full(grid.shape, 300.0, dtype=np.float32)
    values[18:23, 18:23] = 100.0
    sites, sectors = network_of([(grid.x_m[20], grid.y_m[20])], beamwidth_v_deg=180.0)
    pit = level_of(Raster(grid, values), sites, sectors).levels["2G", "A"]
    plain = level_of(flat(grid, 300.0), sites, sectors).levels["2G", "A"]
    rim = np.ones(grid.shape, dtype=bool)
    rim[17:24, 17:24] = False
    assert (pit[rim] < plain[rim] - 10.0).all()
    assert np.isfinite(pit).all()


def test_raising_all_the_land_changes_nothing(mountains, network_of) -> None:
    sites, sectors = network_of([(float(mountains.grid.x_m[60]), float(mountains.grid.y_m[60]))])
    low = level_of(mountains, sites, sectors).levels["2G", "A"]
    high = level_of(Raster(mountains.grid, mountains.values + np.float32(1024.0)), sites, sectors).levels["2G", "A"]
    np.testing.assert_allclose(low, high, atol=0.11)  # losses are in 0.1 dB, and heights in float32
    assert (np.abs(low - high) < 0.01).mean() > 0.95


def test_the_cell_of_the_mast_itself_is_served(mountains, network_of) -> None:
    grid = mountains.grid
    sites, sectors = network_of([(float(grid.x_m[60]), float(grid.y_m[60]))])
    result = level_of(mountains, sites, sectors)
    slant_km = 34.5 / 1e3
    straight_down = 43 - 2 + 11 - 20 - (32.45 + 20 * np.log10(900.0) + 20 * np.log10(slant_km))
    assert result.levels["2G", "A"][60, 60] == pytest.approx(straight_down, abs=0.06)


@pytest.mark.parametrize("pattern", [None, "wide"])
def test_gsm_ends_at_35_km(grid_of, network_of, measured, pattern) -> None:
    grid = grid_of(3, 500)
    sites, sectors = network_of(
        [(grid.x_m[0], grid.y_m[1])], rows=[{"site_id": "s0", "technology": t} for t in ("2G", "3G")], pattern=pattern
    )
    result = level_of(flat(grid), sites, sectors, max_range_m=40_000.0, patterns=measured)
    reached = {key[0]: int((level[1] > NO_SERVER_DBM).sum()) for key, level in result.levels.items()}
    assert reached == {"2G": 35_000 // 90 + 1, "3G": 40_000 // 90 + 1}
