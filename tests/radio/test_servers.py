"""The best masts of every cell against a plain composition in numpy, and what a result says of its maps."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
import pandas as pd
import pytest

from phusong.coverage.radio import server_kernels
from phusong.coverage.radio.antenna import grid_convergence_deg, pattern_loss_db, sector_patterns, tabulated_loss_db
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M
from phusong.coverage.radio.link_budget import LinkTerms
from phusong.coverage.radio.models import Propagation
from phusong.coverage.radio.network import Network, pattern_table
from phusong.coverage.radio.servers import Served, Surroundings, enter, mast_losses
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.errors import ComputeError, MissingError
from phusong.layers.grid import Raster
from phusong.layers.patterns import Patterns

NEAR_DB = 2e-3  # what float32 and its short arctangent may move a level by


def composed(
    network: Network, around: Surroundings, measured: Patterns
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each mast, map and cell: its strongest level (-inf none), that sector, how far any is over what it must be.

    Last, whether the path of a mast to a cell crosses a void: (masts, rows, cols).
    """
    grid, frame = around.terrain.grid, network.sectors
    shape = (len(network.masts), len(network.keys), *grid.shape)
    best, number = np.full(shape, -np.inf), np.full(shape, -1)
    over = np.full(shape, -np.inf)
    crossing = np.zeros((shape[0], *grid.shape), dtype=bool)
    turns = grid_convergence_deg(frame["x_m"].to_numpy(), frame["y_m"].to_numpy(), crs=grid.crs)
    rows, tilts = sector_patterns(frame, measured)
    required = frame["required_dbm"].to_numpy()
    for m, mast in enumerate(network.masts):
        (row0, row1, col0, col1), tenth_db, _ = mast_losses(mast, around=around)
        ground = around.terrain.by_row[1:-1, 1:-1][row0:row1, col0:col1]
        r, c = np.indices(ground.shape)
        east = (c + col0 - mast.place[1]) * grid.cell_m
        north = (mast.place[0] - r - row0) * grid.cell_m
        path = np.hypot(east, north)
        azimuth = np.degrees(np.arctan2(east, north))
        rise = ground + 1.5 - mast.place[2] - path**2 / (2.0 * EARTH_RADIUS_M * 4.0 / 3.0)
        up = np.degrees(np.arctan2(rise, path))
        crossing[m, row0:row1, col0:col1] = tenth_db[0] < 0
        for k, b, s in zip(mast.key.tolist(), mast.band.tolist(), mast.number.tolist(), strict=True):
            sector = frame.iloc[s]
            boresight = sector["azimuth_deg"] - turns[s]
            tilted = {
                "boresight_deg": boresight,
                "mechanical_tilt_deg": sector["mechanical_tilt_deg"],
                "electrical_tilt_deg": tilts[s],
            }
            if rows[s] >= 0:
                cuts = {"horizontal_db": measured.horizontal_db[rows[s]], "vertical_db": measured.vertical_db[rows[s]]}
                away = tabulated_loss_db(azimuth, up, **cuts, **tilted)
            else:
                widths = {name: sector[name] for name in ("beamwidth_h_deg", "beamwidth_v_deg")}
                away = np.vectorize(lambda a, e, w=widths, t=tilted: pattern_loss_db(a, e, **w, **t))(azimuth, up)
            eirp = sector["pilot_power_dbm"] - sector["feeder_loss_db"] + sector["antenna_gain_dbi"]
            level = np.where(tenth_db[b] == 0, -np.inf, eirp - np.abs(tenth_db[b]) / 10.0 - away)
            here = (m, k, slice(row0, row1), slice(col0, col1))
            number[here] = np.where(level > best[here], s, number[here])
            best[here] = np.maximum(best[here], level)
            over[here] = np.maximum(over[here], level - required[s])
    return best, number, over, crossing


def around_of(elevation: Raster, network: Network) -> Surroundings:
    return Surroundings(Terrain.of(elevation), Propagation(), pattern_table(network.patterns))


def three_alike(study):
    """Every site with three sectors that differ in their azimuth alone, some tilted, some narrow or even."""
    number = study.sectors["site_id"].str[1:].astype(int)
    one = study.sectors.assign(
        pattern=None,
        mechanical_tilt_deg=14.0 * (number % 2),
        electrical_tilt_deg=3.0 * (number % 4),
        beamwidth_h_deg=np.where(number % 3 == 0, 120.0, 65.0),
        beamwidth_v_deg=np.where(number % 4 == 1, 20.0, 7.0),
    ).drop_duplicates(["site_id", "technology", "band_mhz"])
    turned = [one.assign(azimuth_deg=(20.0 * number[one.index] + turn) % 360.0) for turn in (0.0, 120.0, 240.0)]
    sectors = pd.concat(turned, ignore_index=True)
    return replace(study, sectors=sectors.assign(sector_id=[f"c{i:03d}" for i in range(len(sectors))]))


@pytest.mark.parametrize(("kept", "alike"), [(2, False), (3, False), (5, False), (3, True)])
def test_lists_are_those_of_a_plain_composition(small_land, mixed_network, measured, kept: int, alike: bool) -> None:
    study = mixed_network(small_land, seed=kept)
    network = (three_alike(study) if alike else study).built()
    around = around_of(small_land, network)
    empty = Served.empty(np.ones(small_land.grid.shape, dtype=bool), keys=len(network.keys), kept=kept, voids=False)
    served = enter(empty, network.masts, around=around)
    best, number, over, crossing = composed(network, around, measured)
    assert not crossing.any()
    assert len(network.masts) == 11
    assert (best[:, 0].max(axis=0) == -np.inf).any(), "all cells are in range: ranges are not tested"
    order = np.argsort(-best, axis=0, kind="stable")[: kept + 1]
    ranked, whose = (np.take_along_axis(of, order, axis=0) for of in (best, number))
    far = np.maximum(ranked, -1e6)
    for k in range(len(network.keys)):
        level = served.level[k].reshape(kept, *small_land.grid.shape)
        server = served.server[k].reshape(level.shape)
        there = np.isfinite(ranked[:kept, k])
        np.testing.assert_array_equal(level > server_kernels.NO_SERVER_DBM, there)
        np.testing.assert_array_equal(server == server_kernels.NONE, ~there)
        np.testing.assert_allclose(level[there], ranked[:kept, k][there], atol=NEAR_DB)
        assert (level[1:] <= level[:-1]).all()
        gap = -np.diff(far[:, k], axis=0, prepend=1e6, append=-2e6)
        clear = there & (gap[:kept] > 2 * NEAR_DB) & (gap[1 : kept + 1] > 2 * NEAR_DB)
        same = server == whose[:kept, k]
        assert same[clear].mean() > 0.995  # two sectors of one mast may be as near as two masts
        count = (over[:, k] >= 0.0).sum(axis=0)
        sure = (np.abs(over[:, k]) > NEAR_DB).all(axis=0)
        above = served.above[k].reshape(small_land.grid.shape)
        np.testing.assert_array_equal(above[sure], count[sure])
        assert sure.mean() > 0.95
        assert count.max() >= 3


def test_maps_are_the_lists_and_doubt_counts_where_it_matters(holed_land, mixed_network, measured) -> None:
    study = mixed_network(holed_land, terms=LinkTerms(receiver="indoor"))
    network = study.built()
    result = study.run()
    best, number, over, crossing = composed(network, around_of(holed_land, network), measured)
    void = np.isnan(holed_land.values)
    required = network.sectors["required_dbm"].to_numpy()
    unknown_somewhere = 0
    for k, key in enumerate(network.keys):
        known = np.where(crossing, -np.inf, best[:, k])
        doubt = np.where(crossing, best[:, k], -np.inf).max(axis=0)
        order = np.argsort(-known, axis=0, kind="stable")
        of = result.maps[key]
        for place, (level, server) in enumerate([(of.level_dbm, of.server), (of.second_dbm, of.second_server)]):
            expected, whose = (np.take_along_axis(of, order, axis=0)[place] for of in (known, number[:, k]))
            there = np.isfinite(expected)
            least = np.where(there, required[whose], np.inf)
            unknown = (doubt > expected) & (expected < least)
            sure = ~void & (np.abs(np.maximum(doubt, -1e6) - np.maximum(expected, -2e6)) > NEAR_DB)
            sure &= np.abs(np.maximum(expected, -1e6) - least) > NEAR_DB
            np.testing.assert_array_equal(np.isnan(level)[sure], unknown[sure])
            assert np.isnan(level[void]).all()
            told = ~np.isnan(level)
            np.testing.assert_array_equal(level[told & ~there], server_kernels.NO_SERVER_DBM)
            np.testing.assert_allclose(level[told & there], expected[told & there], atol=NEAR_DB)
            np.testing.assert_array_equal(server >= 0, told & there)
            unknown_somewhere += int((unknown & sure).sum())
            if place == 0:
                count = ((over[:, k] >= 0.0) & ~crossing).sum(axis=0)
                plain = told & (np.abs(over[:, k]) > NEAR_DB).all(axis=0)
                np.testing.assert_array_equal(of.above[plain], count[plain])
                assert (of.above[~told] == -1).all()
    assert unknown_somewhere > 50


def test_order_and_threads_change_no_bit(holed_land, mixed_network, same_maps) -> None:
    study = mixed_network(holed_land, count=40)
    result = study.run()
    assert result.counts["masts"] > 2 * 16  # more than are entered at once
    threads = numba.get_num_threads()
    try:
        for number in (1, 2):
            numba.set_num_threads(min(number, threads))
            same_maps(result, study.run())
    finally:
        numba.set_num_threads(threads)
    sites, sectors = (frame.sample(frac=1, random_state=3) for frame in (study.sites, study.sectors))
    same_maps(result, replace(study, sites=sites, sectors=sectors).run())


def test_masts_of_equal_level_stand_by_their_number(small_land, network_of, network_class) -> None:
    """Two masts of one place and height are one; two of one level elsewhere are ranked by their sectors."""
    flat = Raster(small_land.grid, np.full(small_land.grid.shape, 50.0, dtype=np.float32))
    grid = small_land.grid
    places = [(float(grid.x_m[c]), float(grid.y_m[20])) for c in (30, 10)]
    result = network_class(*network_of(places), flat).run()
    of = result.maps["2G", "A", None]
    assert (of.level_dbm[:, 20] == of.second_dbm[:, 20]).all()
    assert (of.server[:, 20] == 0).all()
    assert (of.second_server[:, 20] == 1).all()
    assert (of.server[20, 15:20] == 1).all()
    assert (of.server[20, 21:26] == 0).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_part_of_the_cells_is_the_whole_cut_out(holed_land, mixed_network, seed: int) -> None:
    study = mixed_network(holed_land, seed=seed)
    whole = study.run()
    where = np.random.default_rng(seed).random(holed_land.grid.shape) < 0.4
    where[5:20, 30:50] = True
    part = study.run(where=where)
    assert part.counts["cells_wanted"] == where.sum()
    for key, of in part.maps.items():
        for name in ("level_dbm", "server", "second_dbm", "second_server", "above"):
            values = getattr(of, name)
            np.testing.assert_array_equal(values[where], getattr(whole.maps[key], name)[where], err_msg=name)
            outside = values[~where]
            assert (np.isnan(outside) if name.endswith("dbm") else outside == -1).all()


def test_a_lost_pair_is_an_error(small_land, mixed_network, monkeypatch: pytest.MonkeyPatch) -> None:
    study = mixed_network(small_land, count=4)
    real, calls = server_kernels.serve, iter(range(1000))
    monkeypatch.setattr(server_kernels, "serve", lambda *given: real(*given) - (next(calls) == 7))
    with pytest.raises(ComputeError):
        study.run()


# what a result says of its maps


def test_bands_are_maps_of_their_own_and_all_of_them_the_best_of_each(small_land, mixed_network) -> None:
    result = mixed_network(small_land).run()
    bands = result.bands("2G", "A")
    assert sorted(bands) == [900.0, 1800.0]
    whole = result.maps["2G", "A", None]
    np.testing.assert_array_equal(whole.level_dbm, np.maximum(*(of.level_dbm for of in bands.values())))
    for band, of in bands.items():
        served = of.server[of.server >= 0]
        assert (result.sectors["band_mhz"].to_numpy()[served] == band).all()
    assert result.bands("4G", "B") == {2600.0: result.maps["4G", "B", None]}
    with pytest.raises(MissingError):
        result.bands("4G", "A")


def test_covering_asks_of_each_sector_what_its_way_back_lacks(small_land, network_of, network_class) -> None:
    """A loud 4G sector is heard farther than it hears: required is usable plus its deficit."""
    grid = small_land.grid
    flat = Raster(grid, np.full(grid.shape, 50.0, dtype=np.float32))
    places = [(float(grid.x_m[c]), float(grid.y_m[20])) for c in (8, 40)]
    powers = [
        {"site_id": f"s{i}", "technology": "4G", "carrier_power_dbm": p, "feeder_loss_db": 35.0}
        for i, p in enumerate((46.0, 30.0))
    ]
    study = network_class(*network_of(places, rows=powers), flat, LinkTerms(uplink=True))
    result = study.run(usable_dbm={"4G": -140.0})
    required = result.sectors["required_dbm"].to_numpy()
    assert required[0] - required[1] == pytest.approx(16.0, abs=0.01)
    assert result.required_dbm["4G"] == -140.0
    of = result.maps["4G", "A", None]
    by_hand = (of.server >= 0) & (of.level_dbm >= required.astype(np.float32)[of.server])
    np.testing.assert_array_equal(result.covered("4G", "A"), by_hand.astype(np.float32))
    np.testing.assert_array_equal(result.covered("4G"), by_hand.astype(np.float32))
    assert (of.level_dbm[of.server == 0] > server_kernels.NO_SERVER_DBM).sum() > by_hand[of.server == 0].sum() > 0
    np.testing.assert_array_equal(result.serving("4G", "A") > 0, (of.above > 0))
    assert set(np.unique(result.serving("4G"))) <= {0, 1, 2}
    assert (result.serving("4G")[by_hand] >= 1).all()


def test_probability_by_hand(holed_land, mixed_network) -> None:
    terms = LinkTerms(reliability_pct=90.0, sigma_db=8.0)
    result = mixed_network(holed_land, terms=terms).run()
    of = result.maps["2G", "A", None]
    found = result.probability_pct("2G", "A", terms=terms)
    covered = result.covered("2G", "A")
    np.testing.assert_array_equal(np.isnan(found), np.isnan(of.level_dbm))
    assert (found[covered == 1.0] >= 90.0 - 1e-3).all()
    assert (found[covered == 0.0] < 90.0 + 1e-3).all()
    row, col = np.argwhere(of.server >= 0)[17]
    over = of.level_dbm[row, col] - (result.sectors["required_dbm"][of.server[row, col]] - terms.fading_db)
    assert found[row, col] == pytest.approx(100.0 * float(normal_share(over / 8.0)), abs=1e-2)
    assert (found[(of.server < 0) & ~np.isnan(of.level_dbm)] == 0.0).all()
    each = np.stack([result.probability_pct("2G", operator, terms=terms) for operator in "AB"])
    np.testing.assert_array_equal(result.probability_pct("2G", terms=terms), each.max(axis=0))


def normal_share(z: float) -> float:
    """Phi by the sum of a fine histogram of the normal density."""
    x = np.linspace(-9.0, z, 200_001)
    return float(np.trapezoid(np.exp(-x * x / 2.0), x) / np.sqrt(2.0 * np.pi))


def test_masts_that_serve_are_counted_over_operators(holed_land, mixed_network) -> None:
    result = mixed_network(holed_land).run(usable_dbm={"2G": -70.0})
    a, b = (result.serving("2G", operator) for operator in "AB")
    both = result.serving("2G")
    np.testing.assert_array_equal(both, np.where((a < 0) | (b < 0), -1, a + b))
    assert both.max() >= 3
    np.testing.assert_array_equal((a > 0)[a >= 0], (result.covered("2G", "A") == 1.0)[a >= 0])
