"""Indicators of districts: the province's own, counted over a part of its units and never a mean of means."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from phusong.coverage.area_indicators import PART_COLUMNS, AreaIndicators, Areas, area_indicators
from phusong.coverage.population import distribute
from phusong.coverage.unit_indicators import unit_indicators
from phusong.coverage.zonal import zones

ON = date(2012, 12, 31)
OF_EVERYWHERE = ("postal_operators", "telecom_operators")
"""What of the province counts things outside all of its units."""


def study(seed: int, layer: Any, points: Any, raster: Any, radio: Any) -> tuple[dict[str, pd.DataFrame], Any, Any]:
    """Six communes of two districts and one of none on 12 x 4 cells of 1 km, everything else drawn."""
    rng = np.random.default_rng(seed)
    ground = raster(rng.uniform(0, 400, (4, 12)), cell_m=1000.0)
    codes = list("ABCDEF")
    rows = [
        {
            "code": code,
            "name": code,
            "district": [None, "Tây", "Đông", "Tây", "Đông", "Đông"][i],
            "population": float(rng.integers(1, 5000)) if i != 4 or seed % 2 else None,
            "households": float(rng.integers(1, 900)),
            "programme": bool(rng.random() < 0.5),
            "counted": i != 5,
        }
        for i, code in enumerate(codes)
    ]
    units = layer(
        "units",
        rows,
        [box(2000 * i + 37 * i, 0, 2000 * (i + 1) + 37 * (i + 1), 4000) for i in range(5)]
        + [box(10185, 0, 12000, 4000)],
    )

    def spots(n: int) -> list[tuple[float, float]]:
        return [(2000 * rng.integers(0, 6) + rng.uniform(700, 1300), rng.uniform(300, 3700)) for _ in range(n)]

    post = [
        {"point_id": f"{i}", "kind": "agency", "operator": f"O{rng.integers(3)}", "same_day_mail": True, "xy": xy}
        for i, xy in enumerate(spots(9))
    ]
    lines = [
        {
            "code": code,
            "as_of": pd.Timestamp(day),
            "broadband_subscribers": float(rng.integers(0, 60)),
            "telephone_subscribers": float(rng.integers(0, 60)),
            "fixed_telephones": float(rng.integers(0, 60)) if rng.random() < 0.8 else None,
            "public_internet_point": bool(rng.random() < 0.5) if rng.random() < 0.8 else None,
        }
        for code in codes
        for day in ("2011-12-31", "2012-12-31")
    ]
    schools = [
        {
            "facility_id": f"{i}",
            "kind": str(rng.choice(["primary_school", "commune_office", "hospital"])),
            "lan": bool(rng.random() < 0.5) if rng.random() < 0.8 else None,
            "broadband": bool(rng.random() < 0.5),
            "government_network": bool(rng.random() < 0.5),
            "xy": xy,
        }
        for i, xy in enumerate(spots(20))
    ]
    masts = [{"site_id": f"{i}", "status": "in_service", "xy": xy} for i, xy in enumerate(spots(5))]
    sectors = [
        {"sector_id": f"{i}", "site_id": f"{i % 5}", "operator": f"X{i % 3}", "technology": "2G"} for i in range(8)
    ]
    levels = {
        ("2G", name): np.where(rng.random((4, 12)) < 0.2, np.nan, rng.uniform(-120, -70, (4, 12)))
        for name in ("X", "Y")
    }
    layers = {
        "units": units,
        "postal_points": points("postal_points", post),
        "broadband": layer("broadband", lines),
        "facilities": points("facilities", schools),
        "sites": points("sites", masts),
        "sectors": layer("sectors", sectors),
    }
    return layers, ground, radio(ground.grid, levels)


def compute(layers: dict[str, pd.DataFrame], ground: Any, radio: Any, by: str | None = None) -> AreaIndicators:
    units = layers["units"]
    people = distribute(zones(units, grid=ground.grid), units, villages=None, elevation=ground)
    table = unit_indicators(layers, people=people, elevation=ground, on=ON, radio=radio)
    areas = Areas.whole(len(units)) if by is None else Areas.named(units[by])
    return area_indicators(layers, areas=areas, unit_table=table, people=people, elevation=ground, on=ON, radio=radio)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_a_district_is_the_province_of_its_communes_alone(seed, layer, points, raster, radio):
    layers, ground, signal = study(seed, layer, points, raster, radio)
    found = compute(layers, ground, signal, "district")
    assert found.areas.names == ("Tây", "Đông")
    for i, name in enumerate(found.areas.names):
        own = layers["units"][layers["units"]["district"] == name].reset_index(drop=True)
        alone = compute(layers | {"units": own}, ground, signal).of(0)
        for indicator, value in found.of(i).items():
            if indicator not in OF_EVERYWHERE:
                assert value == pytest.approx(alone[indicator], rel=1e-9, nan_ok=True), (name, indicator)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_what_is_divided_adds_up_over_districts_that_are_the_whole_province(seed, layer, points, raster, radio):
    layers, ground, signal = study(seed, layer, points, raster, radio)
    everywhere = layers | {"units": layers["units"].assign(district=["1", "2", "2", "1", "3", "3"])}
    whole = compute(everywhere, ground, signal)
    parts = compute(everywhere, ground, signal, "district").parts
    for indicator, (have, base) in whole.parts.items():
        if not np.isnan([*parts[indicator][0], *parts[indicator][1]]).any() and not np.isnan(have).any():
            assert np.sum(parts[indicator][0]) == pytest.approx(have[0]), indicator
            assert np.sum(parts[indicator][1]) == pytest.approx(base[0]), indicator


def test_rates_of_a_district_by_hand_and_operators_with_a_place_in_it(layer, points, raster, radio):
    layers, ground, signal = study(1, layer, points, raster, radio)
    found = compute(layers, ground, signal, "district").table(key="district").set_index("district")
    units, lines = layers["units"], layers["broadband"]
    west = set(units.loc[units["district"] == "Tây", "code"])
    now = lines[lines["code"].isin(west) & (lines["as_of"] == "2012-12-31")]
    people = units.loc[units["code"].isin(west), "population"].sum()
    assert found.loc["Tây", "broadband_per_100"] == pytest.approx(100 * now["broadband_subscribers"].sum() / people)
    assert found.loc["Đông", "counted_communes"] == 2
    posts, sites = layers["postal_points"], layers["sites"]
    shapes = units.set_index("code").geometry
    inside = [any(shapes[code].covers(spot) for code in west) for spot in posts.geometry]
    assert found.loc["Tây", "postal_operators"] == posts.loc[inside, "operator"].nunique()
    here = set(sites.loc[[any(shapes[code].covers(spot) for code in west) for spot in sites.geometry], "site_id"])
    sectors = layers["sectors"]
    assert found.loc["Tây", "telecom_operators"] == sectors.loc[sectors["site_id"].isin(here), "operator"].nunique()


def test_without_districts_there_are_none(layer, points, raster, radio):
    layers, ground, signal = study(1, layer, points, raster, radio)
    units = layers["units"].assign(district=pd.Series([None, " ", "", None, None, None], dtype="str"))
    found = compute(layers | {"units": units}, ground, signal, "district")
    assert found.areas.names == ()
    assert len(found.table(key="district")) == 0
    assert "broadband_per_100" in found.table(key="district")
    assert found.parts_table().columns.tolist() == list(PART_COLUMNS)
