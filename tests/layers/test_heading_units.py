"""Units in headings: numbers brought to the columns' own exactly, and another unit taken for another figure."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.columns.headings import Match, matched
from phusong.layers.columns.values import plain
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import LAYERS

SECTORS, UNITS, SPANS = LAYERS["sectors"], LAYERS["units"], LAYERS["fibre_spans"]


def table(columns: dict[str, list[Any]]) -> RawTable:
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    return RawTable(frame, np.arange(2, len(frame) + 2), "a.xlsx")


def codes(match: Match) -> list[str]:
    return [fault.code for fault in match.raw.faults]


def test_watts_kilometres_and_feet_become_the_columns_units() -> None:
    raw = table({"Công suất (W)": [20, 40.0, None], "Độ cao anten (ft)": [100, 98.425, 131]})
    match = matched(raw, SECTORS)
    # 20 W = 43.01 dBm, 40 W = 46.02 dBm: 10 log10(P / 1 mW)
    power = match.raw.frame["carrier_power_dbm"].tolist()
    assert power[:2] == pytest.approx([43.0103, 46.0206], abs=1e-4)
    assert power[2] is None
    assert match.raw.frame["height_m"].tolist() == pytest.approx([30.48, 29.99994, 39.9288], abs=1e-12)
    assert codes(match) == ["changed.heading_unit"] * 2
    assert "2 cells were brought to dBm, such as 20 W to 43.01" in match.raw.faults[0].say("en")


@given(st.floats(0.001, 1e6), st.sampled_from([("Độ cao anten (km)", 1000.0), ("Độ cao anten (cm)", 0.01)]))
@settings(max_examples=100, deadline=None)
def test_typed_numbers_are_never_taken_for_thousands(value: float, heading: tuple[str, float]) -> None:
    match = matched(table({heading[0]: [value]}), SECTORS)
    (made,) = match.raw.frame["height_m"].tolist()
    assert math.isclose(made, value * heading[1], rel_tol=1e-12)


def test_texts_get_their_unit_beside_them() -> None:
    raw = table({"Công suất (W)": ["20", "12,5", "43 dBm", "-", "0"]})
    match = matched(raw, SECTORS)
    assert match.raw.frame["carrier_power_dbm"].tolist() == ["20 w", "12,5 w", "43 dBm", "-", "0 w"]
    made = plain(match.raw, SECTORS).frame["carrier_power_dbm"].tolist()
    assert made[:3] == pytest.approx([43.0103, 40.9691, 43.0], abs=1e-4)


def test_thousands_of_people() -> None:
    for heading in ("Dân số (nghìn người)", "Dân số (1000 người)", "Dân số (ĐVT: nghìn người)"):
        match = matched(table({heading: [4.1, 12]}), UNITS)
        assert match.raw.frame["population"].tolist() == [4100, 12000]
    assert matched(table({"Diện tích (ha)": [12650]}), UNITS).raw.frame["area_km2"].tolist() == [126.5]
    assert matched(table({"Dân số (người)": [4100]}), UNITS).raw.frame["population"].tolist() == [4100]


def test_typed_and_written_numbers_under_one_unit_are_read_alike() -> None:
    """The heading says the unit of all: none is in doubt because another cell bears it."""
    made = plain(matched(table({"Chiều dài (km)": [12.5, "12,5", 3, "4 km", "250 m"]}), SPANS).raw, SPANS)
    assert made.frame["fibre_length_m"].tolist() == [12500, 12500, 3000, 4000, 250]
    assert {fault.code for fault in made.faults} == {"changed.heading_unit", "changed.number_unit"}
    power = plain(matched(table({"Công suất (W)": [20, "20", 40]}), SECTORS).raw, SECTORS)
    assert power.frame["carrier_power_dbm"].tolist() == pytest.approx([43.0103, 43.0103, 46.0206], abs=1e-4)
    assert not [fault for fault in power.faults if fault.code.startswith("fault.")]


@pytest.mark.parametrize(
    "heading",
    ["Dân số ('000)", "Dân số (x1000)", "Dân số nghìn người", "Dân số, nghìn người", "Population (1,000 persons)",
     "Population, thousands", "Dân số (1000người)", "Dân số (x 1.000 người)"],
)  # fmt: skip
def test_thousands_in_any_form(heading: str) -> None:
    assert matched(table({heading: [4.1, 12]}), UNITS).raw.frame["population"].tolist() == [4100, 12000]


@pytest.mark.parametrize(
    "heading",
    ["Diện tích (1.000 ha)", "Diện tích (1000 m2)", "Diện tích (nghìn ha)", "Diện tích 100 ha", "Dân số (10 người)",
     "Dân số (10.000 người)", "Population (10,000 persons)", "Dân số (1 triệu người)"],
)  # fmt: skip
def test_many_of_a_unit_are_not_taken_for_one(heading: str) -> None:
    match = matched(table({heading: [5]}), UNITS)
    assert match.used == {}
    assert codes(match) == ["note.heading_unit"]


def test_numbers_of_any_size_and_kind_are_borne() -> None:
    cells = [10**400, np.float32(20), math.inf, math.nan, True, None]
    made = matched(table({"Công suất (W)": cells}), SECTORS).raw.frame["carrier_power_dbm"].tolist()
    assert made[1] == pytest.approx(43.0103, abs=1e-4)
    assert [made[0], made[2], *made[4:]] == [10**400, math.inf, True, None]


def test_another_unit_is_another_figure() -> None:
    match = matched(table({"Dân số (người)": [1], "Dân số (%)": [2], "Công suất (kVA)": [3]}), UNITS)
    assert match.used == {"Dân số (người)": "population"}
    assert codes(match) == ["note.heading_unit"]
    power = matched(table({"Công suất (kVA)": [3]}), SECTORS)
    assert power.used == {}
    assert codes(power) == ["note.heading_unit"]
