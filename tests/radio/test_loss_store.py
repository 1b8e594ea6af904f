"""Path losses kept by content: taken where nothing they hang on changed, computed anew where something did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from phusong.coverage.radio.models import Propagation
from phusong.coverage.radio.rays import NO_WARNINGS
from phusong.coverage.radio.servers import packed_losses, unpacked
from phusong.layers.grid import Raster


def taken(computed: list[int]) -> list[int]:
    """What was computed since it was last asked."""
    since = sorted(computed)
    computed.clear()
    return since


def test_a_second_run_takes_all_losses_from_the_store(holed_land, mixed_network, computed, same_maps) -> None:
    store: dict[str, bytes] = {}
    study = mixed_network(holed_land, count=6)
    plain = study.run()
    assert len(taken(computed)) == plain.counts["masts"]
    first = study.run(store=store)
    assert sum(taken(computed)) == len(store)
    kept = dict(store)
    stored = study.run(store=store)
    assert taken(computed) == []
    assert store == kept
    turned = study.sectors.assign(azimuth_deg=study.sectors["azimuth_deg"] + 40.0, electrical_tilt_deg=3.0)
    replace(study, sectors=turned.assign(carrier_power_dbm=40.0)).run(store=store)
    assert taken(computed) == []
    same_maps(plain, first)
    same_maps(plain, stored)


def test_what_the_losses_depend_on_makes_them_anew(small_land, network_of, network_class, computed) -> None:
    store: dict[str, bytes] = {}
    wide = replace(small_land.grid, shape=(44, 300))
    big = Raster(wide, np.tile(small_land.values, (1, 6))[:, :300])
    sites, sectors = network_of([(float(big.grid.x_m[30]), float(big.grid.y_m[20]))])
    study = network_class(sites, sectors, big)
    study.run(store=store)
    assert taken(computed) == [1]
    near, far = big.values.copy(), big.values.copy()
    near[21, 40] += 1.0
    far[21, 290] += 1.0
    trees = Raster(wide, np.zeros(wide.shape, dtype=np.float32))
    trees.values[:, 40] = 9.0
    for anew, other, more in (
        (False, replace(study, elevation=Raster(wide, far)), {}),
        (True, replace(study, elevation=Raster(wide, near)), {}),
        (True, replace(study, sectors=sectors.assign(height_m=37.0)), {}),
        (True, replace(study, sectors=sectors.assign(band_mhz=1800.0)), {}),
        (True, replace(study, sites=sites.set_geometry(sites.translate(9.0))), {}),
        (True, study, {"propagation": Propagation(terminal_height_m=2.0)}),
        (True, study, {"max_range_m": 2_000.0}),
        (True, study, {"clutter": trees}),
        (False, study, {"usable_dbm": {"2G": -80.0}}),
    ):
        other.run(store=store, **more)
        assert taken(computed) == ([1] if anew else [])


def test_only_the_missing_band_is_computed(small_land, network_of, network_class, computed, same_maps) -> None:
    store: dict[str, bytes] = {}
    place = [(float(small_land.grid.x_m[30]), float(small_land.grid.y_m[20]))]
    sites, sectors = network_of(place, band_mhz=900.0)
    network_class(sites, sectors, small_land).run(store=store)
    rows = [{"site_id": "s0", "band_mhz": band} for band in (900.0, 1800.0, 2100.0)]
    more = network_class(*network_of(place, rows=rows), small_land)
    taken(computed)
    stored = more.run(store=store)
    assert taken(computed) == [2]
    same_maps(stored, more.run())


@pytest.mark.parametrize("wrong", [b"", b"junk", packed_losses(np.ones((3, 3), dtype=np.int16), NO_WARNINGS)])
def test_wrong_bytes_in_the_store_are_computed_again(
    small_land, mixed_network, computed, same_maps, wrong: bytes
) -> None:
    store: dict[str, bytes] = {}
    study = mixed_network(small_land, count=3)
    first = study.run(store=store)
    right = dict(store)
    for key in list(store)[::2]:
        store[key] = wrong
    taken(computed)
    same_maps(first, study.run(store=store))
    assert sum(taken(computed)) == len(list(right)[::2])
    assert store == right


@settings(max_examples=80, deadline=None)
@given(arrays(np.int16, array_shapes(min_dims=2, max_dims=2, max_side=12)), arrays(np.int64, st.integers(0, 3)))
def test_packed_losses_come_back(tenth_db: np.ndarray, warned: np.ndarray) -> None:
    packed = packed_losses(tenth_db, warned)
    found = unpacked(packed, tenth_db.shape, warned=len(warned))
    assert found is not None
    np.testing.assert_array_equal(found[0], tenth_db)
    np.testing.assert_array_equal(found[1], warned)
    assert unpacked(packed[:-1], tenth_db.shape, warned=len(warned)) is None
    assert unpacked(packed, (tenth_db.shape[0] + 1, tenth_db.shape[1]), warned=len(warned)) is None
    assert unpacked(packed, tenth_db.shape, warned=len(warned) + 1) is None


def test_warnings_are_counted_alike_from_the_store_and_of_a_changed_network(
    mixed_network, small_land, computed
) -> None:
    """Two bands of a mast, masts that leave, come and are raised."""
    study = mixed_network(small_land, seed=5, count=12)
    itm = {"propagation": Propagation(model="itm")}
    store: dict[str, bytes] = {}
    anew = study.run(**itm)
    assert sum(anew.warnings.values()) > anew.counts["paths"] > 10_000
    assert max(anew.warnings.values()) <= anew.counts["paths"]
    for _ in range(2):
        stored = study.run(store=store, **itm)
        assert (stored.warnings, stored.counts) == (anew.warnings, anew.counts)
    assert sum(taken(computed)) == 2 * len(store)
    other = replace(
        study,
        sectors=study.sectors[study.sectors["site_id"] != "s4"].assign(
            height_m=study.sectors["height_m"].mask(study.sectors["site_id"] == "s7", 60.0)
        ),
    )
    expected = other.run(**itm)
    assert expected.warnings != anew.warnings
    for kept in ({}, {"store": store}):
        went_on = other.run(before=study.run(**itm, **kept), **itm, **kept)
        assert went_on.warnings == expected.warnings
        assert went_on.counts["paths"] == expected.counts["paths"]
    assert study.run().warnings == {}
    assert "paths" not in study.run().counts
