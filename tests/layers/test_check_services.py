"""Points of services that may be there twice and lines that do not add up are told and kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from phusong.layers.checks import services
from phusong.layers.checks.check import check_sense
from phusong.layers.checks.validate import Checked, validate
from phusong.layers.messages import LANGS
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import LAYERS

CRS = "EPSG:9212"


def layer(name: str, rows: list[dict[str, Any]]) -> Checked:
    """A validated layer; rows bear x_m and y_m where it has points."""
    table = pd.DataFrame([{key: row[key] for key in row if key not in ("x_m", "y_m")} for row in rows]).astype(object)
    points = None
    if LAYERS[name].geometry == "point":
        points = shapely.points([(550_000 + row["x_m"], 1_850_000 + row["y_m"]) for row in rows])
    raw = RawTable(table, np.arange(2, len(rows) + 2), "a.csv", "", points, CRS if points is not None else None)
    checked = validate(raw, LAYERS[name], crs=CRS, defaults={"as_of": "2012-12-31"})
    assert checked.faults == ()
    return checked


def post(number: int, x_m: float, **more: Any) -> dict[str, Any]:
    return {"point_id": f"P{number}", "kind": "post_office", "x_m": x_m, "y_m": 0.0} | more


def told(checked: Checked) -> list[tuple[str, int | None]]:
    return [(fault.code, fault.row) for fault in check_sense({checked.layer: checked})]


def test_two_points_of_one_kind_nearer_than_20_m_are_told() -> None:
    near = [post(1, 0.0, operator="VNPost"), post(2, 19.9, operator=" vnpost"), post(3, 40.0, operator="VNPost")]
    assert told(layer("postal_points", near)) == [("note.point_near", 3)]
    fault = check_sense({"postal_points": layer("postal_points", near)})[0]
    assert fault.params == {"found": "P2", "other": "P1", "distance_m": "19.9"}
    assert all("P2" in fault.say(lang) and "19.9" in fault.say(lang) for lang in LANGS)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"operator": "Viettel Post"}, []),
        ({"kind": "agency"}, []),
        ({"operator": None}, ["note.point_near"]),  # whose it is nobody knows
        ({"x_m": 20.1}, []),
    ],
)
def test_of_two_kinds_or_operators_they_are_two(change: dict[str, Any], codes: list[str]) -> None:
    rows = [post(1, 0.0, operator="VNPost"), post(2, 5.0, operator="VNPost") | change]
    assert [code for code, _ in told(layer("postal_points", rows))] == codes


def test_one_name_twice_in_a_unit_is_told() -> None:
    rows = [
        {"facility_id": f"F{k}", "kind": kind, "name": name, "unit_code": unit, "x_m": 1000.0 * k, "y_m": 0.0}
        for k, (kind, name, unit) in enumerate(
            [
                ("primary_school", "Trường Số 1", "A"),
                ("primary_school", "TRƯỜNG số 1", "A"),
                ("primary_school", "Trường Số 1", "B"),
                ("lower_secondary_school", "Trường Số 1", "A"),
                ("primary_school", None, "A"),
                ("primary_school", None, "A"),
                ("primary_school", "Trường Số 1", None),
            ]
        )
    ]
    checked = layer("facilities", rows)
    assert told(checked) == [("note.point_named_twice", 3)]
    assert len(checked.frame) == len(rows)


def test_long_lists_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_LISTED", 3)
    rows = [
        {"point_id": f"V{k}", "kind": "public_internet", "name": "Net", "unit_code": "A", "x_m": float(k), "y_m": 0.0}
        for k in range(6)
    ]
    found = services.check_services({"service_points": layer("service_points", rows)})
    assert [fault.code for fault in found] == [
        *["note.point_near"] * 3,
        "note.points_near_more",
        *["note.point_named_twice"] * 3,
        "note.points_named_more",
    ]
    assert found[3].params["count"] == 15 - 3
    assert found[-1].params["count"] == 5 - 3


def test_lines_by_kind_are_no_more_than_all_lines() -> None:
    lines = [
        (10, 8, 2),
        (10, 8, 3),
        (10, 11, None),
        (None, 5, 5),
        (10, None, None),
        (0, 0, 0),
        (1_234_567, 1_234_568, 0),
    ]
    rows = [
        {"code": f"U{k}", "broadband_subscribers": a, "adsl_subscribers": b, "fttx_subscribers": c}
        for k, (a, b, c) in enumerate(lines)
    ]
    checked = layer("broadband", rows)
    assert told(checked) == [("note.lines_of_kinds", row) for row in (3, 4, 8)]
    assert [fault.params["found"] for fault in services.too_many_lines(checked)] == ["11", "11", "1234568"]
