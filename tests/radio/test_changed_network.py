"""Going on from a result for almost the same network: bit for bit what computing anew gives, from fewer masts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phusong.coverage.radio.models import Propagation
from phusong.layers.grid import Raster

Change = Callable[..., object]


def without(study, *numbers: int):
    gone = [f"s{n}" for n in numbers]
    return replace(study, sectors=study.sectors[~study.sectors["site_id"].isin(gone)])


def moved(study, number: int, *, east_m: float):
    here = study.sites["site_id"] == f"s{number}"
    return replace(
        study, sites=study.sites.set_geometry(study.sites.geometry.where(~here, study.sites.translate(east_m)))
    )


def changed(study, number: int, **values: float):
    here = study.sectors["site_id"] == f"s{number}"
    return replace(
        study, sectors=study.sectors.assign(**{n: study.sectors[n].mask(here, v) for n, v in values.items()})
    )


CHANGES: dict[str, Change] = {
    "remove": lambda study: without(study, 4),
    "remove two": lambda study: without(study, 2, 7),
    "remove one of two at a position": lambda study: without(study, 3),
    "move": lambda study: moved(study, 5, east_m=300.0),
    "tilt": lambda study: changed(study, 6, electrical_tilt_deg=8.0, mechanical_tilt_deg=2.0),
    "turn": lambda study: changed(study, 1, azimuth_deg=77.0),
    "make louder": lambda study: changed(study, 8, antenna_gain_dbi=21.0),
    "raise": lambda study: changed(study, 9, height_m=60.0),
    "another name, another place in the order": lambda study: replace(
        study, sectors=study.sectors.assign(sector_id=study.sectors["sector_id"].replace({"c003": "z9", "c020": "a1"}))
    ),
    "all at once": lambda study: changed(moved(without(study, 2), 5, east_m=120.0), 6, electrical_tilt_deg=8.0),
}


@pytest.fixture(scope="module")
def study(mixed_network, holed_land):
    """More masts than may change at once; all with the columns that changes need."""
    made = mixed_network(holed_land, seed=5, count=24)
    return replace(made, sectors=made.sectors.assign(antenna_gain_dbi=16.0))


@pytest.fixture(scope="module")
def before(study):
    return study.run()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_as_computed_anew(study, before, same_maps, computed, change) -> None:
    after = CHANGES[change](study)
    store: dict[str, bytes] = {}
    before_again = study.run(store=store)
    same_maps(before_again, before)
    computed.clear()
    went_on = after.run(before=before_again, store=store)
    fewer = len(computed)
    anew = after.run()
    same_maps(went_on, anew)
    assert fewer <= 3  # masts that are new; the others stand in the store
    assert went_on.counts["sectors"] == anew.counts["sectors"]
    levels = [key for key in anew.maps if not np.array_equal(anew.levels.get(key[:2]), before.levels.get(key[:2]))]
    assert levels or change.startswith("another")


def test_add_and_come_back(study, before, same_maps) -> None:
    fewer = without(study, 4, 11).run()
    same_maps(study.run(before=fewer), before)
    same_maps(study.run(before=without(study, 4, 11).run(before=before)), before)


def test_without_a_store_only_masts_that_matter_are_computed(study, before, same_maps, computed) -> None:
    tilted = CHANGES["tilt"](study)
    computed.clear()
    went_on = tilted.run(before=before)
    some = len(computed)
    computed.clear()
    same_maps(went_on, tilted.run())
    assert 0 < some < 2 * len(computed)


@pytest.mark.parametrize("holed", [False, True])
@pytest.mark.parametrize("kept", [2, 3])
def test_removing_one_after_the_other_until_lists_run_out(
    mixed_network, small_land, holed_land, same_maps, kept, holed
):
    study = mixed_network(holed_land if holed else small_land, seed=9, count=14, max_range_m=4_000.0)
    result = study.run(kept=kept)
    rng = np.random.default_rng(1)
    for number in rng.permutation(14)[:9]:
        study = without(study, int(number))
        result = study.run(before=result, kept=kept)
        same_maps(result, study.run(kept=kept))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_changes_one_after_the_other(mixed_network, holed_land, same_maps, seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = mixed_network(holed_land, seed=seed, count=16, max_range_m=3_500.0)
    study, result = whole, whole.run()
    gone: set[int] = set()
    for _ in range(8):
        number = int(rng.integers(16))
        kind = rng.integers(4)
        if kind == 0:
            gone ^= {number}
        elif kind == 1:
            whole = changed(whole, number, electrical_tilt_deg=float(rng.integers(0, 9)))
        elif kind == 2:
            whole = changed(whole, number, height_m=float(rng.integers(15, 60)))
        else:
            gone = {n for n in gone if n != number} ^ {int(rng.integers(16))}
        study = without(whole, *gone)
        result = study.run(before=result)
    same_maps(result, study.run())


def test_only_the_cells_asked_for(study, same_maps) -> None:
    where = np.random.default_rng(3).random(study.elevation.grid.shape) < 0.5
    part = study.run(where=where)
    after = CHANGES["all at once"](study)
    same_maps(after.run(where=where, before=part), after.run(where=where))


def test_masts_in_a_pit_of_voids(study, network_of, same_maps) -> None:
    """All paths to the mast cross voids: its leaving takes nothing but doubt away."""
    values = study.elevation.values.copy()
    values[8:15, 8], values[8:15, 14], values[8, 8:15], values[14, 8:15] = np.nan, np.nan, np.nan, np.nan
    elevation = Raster(study.elevation.grid, values)
    sites, sectors = network_of(
        [(float(elevation.grid.x_m[c]), float(elevation.grid.y_m[r])) for r, c in ((11, 11), (30, 30))]
    )
    fenced = replace(study, sites=sites, sectors=sectors, elevation=elevation)
    whole = fenced.run()
    assert np.isnan(whole.levels["2G", "A"]).sum() > 4 * np.isnan(values).sum()
    for number in (0, 1):
        after = without(fenced, number)
        same_maps(after.run(before=whole), after.run())
        same_maps(fenced.run(before=after.run()), whole)


def test_a_result_that_does_not_fit_is_passed_over(study, before, same_maps, computed) -> None:
    where = np.ones(study.elevation.grid.shape, dtype=bool)
    where[3, 3] = False
    masts = before.counts["masts"]
    other = Raster(study.elevation.grid, study.elevation.values + np.float32(1.0))
    trees = Raster(study.elevation.grid, np.full(study.elevation.values.shape, 3.0, dtype=np.float32))
    for after, more in (
        (study, {"propagation": Propagation(terminal_height_m=2.0)}),
        (study, {"propagation": Propagation(effective_earth_factor=1.0)}),
        (study, {"kept": 4}),
        (study, {"where": where}),
        (study, {"clutter": trees}),
        (replace(study, elevation=other), {}),
        (replace(study, max_range_m=2_000.0), {}),
        (replace(study, sectors=study.sectors.assign(operator="C")), {}),
        (replace(study, sectors=study.sectors.assign(mechanical_tilt_deg=1.0)), {}),
    ):
        computed.clear()
        found = after.run(before=before, **more)
        assert len(computed) >= masts
        same_maps(found, after.run(**more))


def test_nothing_changed_computes_nothing(study, before, same_maps, computed) -> None:
    told: list[tuple[int, int]] = []
    computed.clear()
    same_maps(study.run(before=before, progress=lambda *at: told.append(at)), before)
    assert computed == []
    assert told == [(before.counts["masts"],) * 2]


def test_the_result_gone_on_from_stays_as_it_was(study, before) -> None:
    kept = {key: of.level_dbm.copy() for key, of in before.maps.items()}
    lists = before.basis.served.level.copy()
    CHANGES["all at once"](study).run(before=before)
    for key, level in kept.items():
        np.testing.assert_array_equal(before.maps[key].level_dbm, level)
    np.testing.assert_array_equal(before.basis.served.level, lists)


def test_all_gone_and_all_new(study, before, same_maps) -> None:
    nothing = replace(study, sectors=study.sectors.iloc[:0])
    empty = nothing.run(before=before)
    assert empty.maps == {}
    assert isinstance(empty.sectors, pd.DataFrame)
    same_maps(study.run(before=empty), before)
