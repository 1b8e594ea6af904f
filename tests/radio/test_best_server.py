"""Maps and points against the slow reference, and the laws of a best-server map."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numba
import numpy as np
import pandas as pd
import pytest
import shapely

from phusong.coverage.radio import NO_SERVER_DBM, compute, level_at, profile, reach
from phusong.coverage.radio.antenna import grid_convergence_deg
from phusong.coverage.radio.margin import best_of_operators
from phusong.coverage.radio.models import Propagation
from phusong.layers.errors import CrsError, InputError, MissingError
from phusong.layers.grid import Raster

ON = date(2012, 12, 31)


def run(sites, sectors, elevation, *, where=None, max_range_m=6_000.0, **more):
    return compute(
        sites, sectors, elevation=elevation, where=where, grid=elevation.grid, on=ON, max_range_m=max_range_m, **more
    )


@pytest.fixture(scope="module")
def result(province, mountains):
    return run(*province, mountains)


def same(first, second) -> None:
    assert first.levels.keys() == second.levels.keys()
    for key in first.levels:
        np.testing.assert_array_equal(first.levels[key], second.levels[key])
        ids = [np.append(r.sectors["sector_id"].to_numpy(dtype=object), None)[r.servers[key]] for r in (first, second)]
        np.testing.assert_array_equal(*ids)


def test_random_cells_are_the_reference_over_all_sectors(result, mountains, reference_level, small_errors) -> None:
    """Maps are linear between two rays and in 0.1 dB: not each cell is exact, all together are."""
    grid, frame = mountains.grid, result.sectors
    turns = grid_convergence_deg(frame["x_m"].to_numpy(), frame["y_m"].to_numpy(), crs=grid.crs)
    rng = np.random.default_rng(11)
    errors, lost = [], []
    for row, col in zip(rng.integers(0, grid.shape[0], 45), rng.integers(0, grid.shape[1], 45), strict=True):
        away = np.hypot(frame["x_m"] - grid.x_m[col], frame["y_m"] - grid.y_m[row])
        levels = pd.Series(
            [
                reference_level(mountains, sector, row, col, turn_deg=turns[i]) if away[i] <= 6_000.0 else -np.inf
                for i, sector in frame.iterrows()
            ]
        )
        for key, raster in result.levels.items():
            mine = levels[(frame["technology"] == key[0]) & (frame["operator"] == key[1])]
            if mine.max() == -np.inf:
                assert raster[row, col] == NO_SERVER_DBM
                assert result.servers[key][row, col] == -1
            else:
                errors.append(raster[row, col] - mine.max())
                lost.append(mine.max() - levels[result.servers[key][row, col]])
    small_errors(np.array(errors))
    assert np.quantile(lost, 0.9) == 0.0  # the server is the reference's strongest sector, or nearly as strong
    assert max(lost) < 3.0


def test_level_at_a_cell_centre_is_the_raster(result, province, mountains, small_errors) -> None:
    """The exact path to a point against maps that are linear between two rays."""
    grid = mountains.grid
    errors = []
    rng = np.random.default_rng(2)
    for row, col in rng.integers(0, grid.shape, (32, 2)):
        table = level_at(
            float(grid.x_m[col]),
            float(grid.y_m[row]),
            sites=province[0],
            sectors=province[1],
            elevation=mountains,
            on=ON,
            max_range_m=6_000.0,
        )
        best = table.groupby(["technology", "operator"])["level_dbm"].max()
        for key, raster in result.levels.items():
            if key in best:
                errors.append(raster[row, col] - best[key])
            else:
                assert raster[row, col] == NO_SERVER_DBM
        assert table.groupby("technology")["level_dbm"].apply(lambda s: s.is_monotonic_decreasing).all()
        assert (table["usable"] == (table["level_dbm"] >= table["technology"].map(result.usable_dbm))).all()
    small_errors(np.array(errors))


def test_level_at_any_point_is_the_reference_of_every_sector(result, province, mountains, reference_level) -> None:
    """Exact for the point: at cell centres within what float32 heights of antennas leave."""
    grid, frame = mountains.grid, result.sectors
    turns = grid_convergence_deg(frame["x_m"].to_numpy(), frame["y_m"].to_numpy(), crs=grid.crs)
    at = {sector_id: i for i, sector_id in enumerate(frame["sector_id"])}
    for row, col in ((3, 5), (60, 70), (119, 139), (40, 100)):
        place = float(grid.x_m[col]), float(grid.y_m[row])
        table = level_at(
            *place, sites=province[0], sectors=province[1], elevation=mountains, on=ON, max_range_m=6_000.0
        )
        assert len(table) > 20
        for found in table.itertuples(index=False):
            number = at[found.sector_id]
            known = reference_level(mountains, frame.iloc[number], row, col, turn_deg=turns[number])
            assert found.level_dbm == pytest.approx(known, abs=0.25)
            assert found.distance_m == pytest.approx(
                np.hypot(place[0] - frame["x_m"][number], place[1] - frame["y_m"][number])
            )


def test_a_point_that_no_mast_reaches_has_an_empty_table_with_the_same_columns(province, mountains) -> None:
    place = (float(mountains.grid.x_m[7]), float(mountains.grid.y_m[7]))
    common = {"sites": province[0], "sectors": province[1], "elevation": mountains, "on": ON}
    nothing, all_of_them = (level_at(*place, **common, max_range_m=reach_m) for reach_m in (1e-3, 3e4))
    assert len(nothing) == 0
    assert len(all_of_them) == len(province[1])
    assert list(nothing) == list(all_of_them)


def test_profile_holds_the_same_losses(mountains, network_of) -> None:
    grid = mountains.grid
    x0, y0, x1, y1 = 541_003.0, 1_845_007.0, float(grid.x_m[100]), float(grid.y_m[20])
    sites, sectors = network_of([(x0, y0)])
    point = {"sites": sites, "sectors": sectors, "elevation": mountains, "on": ON, "max_range_m": 20_000.0}
    level = level_at(x1, y1, **point)["level_dbm"][0]
    path = profile(x0, y0, x1, y1, elevation=mountains, tx_height_m=36.0, rx_height_m=1.5, band_mhz=900.0)
    assert path.d_m[0] == 0.0
    assert np.all(np.diff(path.d_m) > 0)
    assert path.ground_m[-1] == mountains.values[20, 100]
    rise = path.ray_m[-1] - path.ray_m[0]
    angle = np.degrees(np.arctan2(rise - path.d_m[-1] ** 2 / (2 * 4 / 3 * 6_371_000.0), path.d_m[-1]))
    by_hand = 43.0 - 2.0 + 11.0 - min(12 * (angle / 7.0) ** 2, 20.0) - path.free_space_db - path.diffraction_db
    assert level == pytest.approx(by_hand, abs=0.25)  # the spherical Earth's part stands in a table
    without = Propagation(spherical_earth=False)
    by_hand += path.spherical_excess_db
    assert level_at(x1, y1, **point, propagation=without)["level_dbm"][0] == pytest.approx(by_hand, abs=0.01)
    back = profile(x1, y1, x0, y0, elevation=mountains, tx_height_m=1.5, rx_height_m=36.0, band_mhz=900.0)
    assert back.diffraction_db == pytest.approx(path.diffraction_db, abs=1e-9)
    blocked = np.any(path.ground_m[1:-1] + path.bulge_m[1:-1] >= path.ray_m[1:-1])
    assert path.line_of_sight == (not blocked)


def test_flat_sea_level_ground_is_free_space_nearby(grid_of, network_of) -> None:
    grid = grid_of(9, 41)
    sea = Raster(grid, np.zeros(grid.shape, dtype=np.float32))
    sites, sectors = network_of([(grid.x_m[4], grid.y_m[4])], height_m=300.0, beamwidth_v_deg=180.0)
    level = run(sites, sectors, sea).levels["2G", "A"]
    d = 90.0 * 4
    slant_km = np.hypot(d, 298.5) / 1e3
    down = np.degrees(np.arctan2(298.5 + d**2 / (2 * 4 / 3 * 6_371_000.0), d))
    textbook = 43 - 2 + 11 - 12 * (down / 180) ** 2 - (32.45 + 20 * np.log10(900.0) + 20 * np.log10(slant_km))
    assert level[4, 8] == pytest.approx(textbook, abs=0.06)  # losses are in 0.1 dB
    np.testing.assert_allclose(level[4, :4], level[4, 8:4:-1], atol=1e-4)
    assert level[4, 40] < level[4, 20] < level[4, 8]


def test_threads_and_order_of_sites_and_sectors_change_nothing(result, province, mountains) -> None:
    sites, sectors = province
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        same(result, run(sites, sectors, mountains))
    finally:
        numba.set_num_threads(before)
    shuffled = run(sites.sample(frac=1, random_state=1), sectors.sample(frac=1, random_state=2), mountains)
    same(result, shuffled)
    assert shuffled.counts == result.counts


def test_a_part_of_the_cells_is_the_whole_cut_out(result, province, mountains) -> None:
    where = np.zeros(mountains.grid.shape, dtype=bool)
    where[17:63, 31:90] = True
    part = run(*province, mountains, where=where)
    assert part.counts["cells_wanted"] == where.sum()
    for key, level in part.levels.items():
        np.testing.assert_array_equal(level[where], result.levels[key][where])
        assert np.isnan(level[~where]).all()
        assert (part.servers[key][~where] == -1).all()


def test_one_more_site_never_weakens_a_cell(result, province, mountains) -> None:
    sites, sectors = province
    fewer = run(sites, sectors[sectors["site_id"] != "s5"], mountains)
    for key, level in fewer.levels.items():
        assert (result.levels[key] >= level).all()
    assert any((result.levels[key] > level).any() for key, level in fewer.levels.items())


def test_two_equal_sectors_go_to_the_first_id(mountains, network_of) -> None:
    place = (float(mountains.grid.x_m[50]), float(mountains.grid.y_m[50]))
    sites, sectors = network_of([place, place])
    both = run(sites, sectors, mountains)
    assert both.counts["masts"] == 1
    served = both.servers["2G", "A"]
    assert set(np.unique(served)) <= {-1, 0}
    alone = run(sites.iloc[:1], sectors.iloc[:1], mountains)
    np.testing.assert_array_equal(both.levels["2G", "A"], alone.levels["2G", "A"])


def test_best_and_covered_over_operators(result) -> None:
    level, server = best_of_operators(result, "2G")
    np.testing.assert_array_equal(level, np.maximum(result.levels["2G", "A"], result.levels["2G", "B"]))
    hit = server >= 0
    own = result.sectors["operator"].to_numpy()[server[hit]]
    for operator in result.operators:
        mine = own == operator
        assert mine.any()
        np.testing.assert_array_equal(level[hit][mine], result.levels["2G", operator][hit][mine])
    np.testing.assert_array_equal(
        result.covered("2G"), np.maximum(result.covered("2G", "A"), result.covered("2G", "B"))
    )
    assert set(np.unique(result.covered("2G"))) == {0.0, 1.0}
    assert result.technologies == ("2G", "3G")
    with pytest.raises(MissingError):
        best_of_operators(result, "5G")
    with pytest.raises(MissingError):
        result.covered("2G", "Z")


def test_usable_levels_decide_coverage(province, mountains) -> None:
    shares = [
        run(*province, mountains, usable_dbm={"2G": level}).covered("2G").mean() for level in (-60.0, -80.0, -120.0)
    ]
    assert shares[0] < shares[1] < shares[2]


def test_only_what_is_on_air_that_day_counts(mountains, network_of) -> None:
    place = (float(mountains.grid.x_m[50]), float(mountains.grid.y_m[50]))
    sites, sectors = network_of([place] * 6)
    sites["status"] = ["in_service", "planned", "closed", None, None, None]
    days = [None, None, None, "2013-01-01", "2012-12-31", None]
    sites["in_service_from"] = pd.to_datetime(pd.Series(days)).astype("datetime64[s]")
    ends = [None, None, None, None, "2012-12-31", "2012-12-30"]
    sites["in_service_to"] = pd.to_datetime(pd.Series(ends)).astype("datetime64[s]")
    outcome = run(sites, sectors, mountains)
    assert outcome.sectors["site_id"].tolist() == ["s0", "s4"]
    assert outcome.counts["sectors_not_in_service"] == 4


def test_nothing_on_air_gives_nothing(mountains, network_of) -> None:
    sites, sectors = network_of([(float(mountains.grid.x_m[5]), float(mountains.grid.y_m[5]))])
    sites["status"] = "planned"
    outcome = run(sites, sectors, mountains)
    assert outcome.levels == {}
    assert outcome.technologies == ()
    assert len(outcome.sectors) == 0


def test_progress_is_told_to_the_end(province, mountains) -> None:
    told: list[tuple[int, int]] = []
    run(*province, mountains, max_range_m=1_000.0, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (24, 24)  # masts: two sites share one
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_reach_is_a_site_of_defaults(mountains, network_of) -> None:
    grid = mountains.grid
    places = [(float(grid.x_m[70]) + 31.0, float(grid.y_m[60]) - 12.0), (float(grid.x_m[1]), float(grid.y_m[1]))]
    found = list(
        reach(np.array(places), elevation=mountains, grid=grid, technology="3G", height_m=36.0, max_range_m=4_000.0)
    )
    assert [index for index, _, _ in found] == [0, 1]
    for index, (row0, row1, col0, col1), level in found:
        sites, sectors = network_of(
            [places[index]], rows=[{"site_id": "s0", "azimuth_deg": a, "technology": "3G"} for a in (0.0, 120.0, 240.0)]
        )
        whole = run(sites, sectors, mountains, max_range_m=4_000.0).levels["3G", "A"]
        assert level.shape == (row1 - row0, col1 - col0)
        np.testing.assert_array_equal(level, whole[row0:row1, col0:col1])
        outside = whole.copy()
        outside[row0:row1, col0:col1] = NO_SERVER_DBM
        assert (outside == NO_SERVER_DBM).all()


def test_reach_of_some_cells_is_the_same_map_cut_out(mountains) -> None:
    grid = mountains.grid
    place = [(float(grid.x_m[70]), float(grid.y_m[60]))]
    where = np.zeros(grid.shape, dtype=bool)
    where[30:90, 20:130] = True
    store: dict[str, bytes] = {}
    common = {"elevation": mountains, "grid": grid, "technology": "4G", "max_range_m": 6_000.0, "store": store}
    ((_, window, whole),) = reach(place, **common)
    assert len(store) == 1
    ((_, same_window, cut),) = reach(place, **common, where=where)
    assert len(store) == 1
    assert window == same_window
    asked = where[window[0] : window[1], window[2] : window[3]]
    np.testing.assert_array_equal(cut[asked], whole[asked])
    assert np.isnan(cut[~asked]).all()


def test_refusals_name_what_is_wrong(mountains, network_of) -> None:
    place = (float(mountains.grid.x_m[50]), float(mountains.grid.y_m[50]))
    sites, sectors = network_of([place])
    with pytest.raises(InputError, match="c000"):
        run(sites, sectors.assign(site_id="nowhere"), mountains)
    with pytest.raises(InputError, match="c000"):
        run(sites, sectors.assign(height_m=np.nan), mountains)
    with pytest.raises(InputError, match="s0"):
        run(sites.set_geometry(sites.translate(1e6)), sectors, mountains)
    with pytest.raises(InputError, match="s0"):
        run(sites.set_geometry([shapely.Point()], crs=sites.crs), sectors, mountains)
    with pytest.raises(ValueError, match="does not fit"):
        run(sites, sectors, mountains, where=np.ones((3, 3), dtype=bool))
    other = replace(mountains.grid, left_m=mountains.grid.left_m + 90.0)
    with pytest.raises(CrsError):
        compute(sites, sectors, elevation=mountains, where=None, grid=other, on=ON)
