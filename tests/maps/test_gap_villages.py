"""What a gap village's pop-up says of its signal and distances."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pandas as pd

from phusong.layers.messages import say
from phusong.maps.data import page_data

spec = importlib.util.spec_from_file_location("tests_maps_gap_province", Path(__file__).with_name("province.py"))
assert spec is not None
assert spec.loader is not None
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)


def test_a_popup_tells_state_operators_and_distances() -> None:
    view = made.province(side=6)
    assert view.villages is not None
    gaps = pd.DataFrame(
        {
            "code": view.villages["code"].iloc[:2],
            "signal_state": ["none_at_cluster", ""],
            "operators": ["Viettel;VNPT", None],
            "clusters_basis": ["populated_cells", ""],
            "observed": pd.array([None, True], dtype="boolean"),
            "predicted": pd.array([True, False], dtype="boolean"),
            "nearest_covered_village_km": [1.25, float("nan")],
            "nearest_covered_village_name": ["Bản <b>Đá</b>", None],
            "nearest_site_km": [3.5, float("nan")],
            "nearest_site": ["S1", None],
        }
    )
    points = page_data(replace(view, gap_villages=gaps))["points"]
    layer = points["gap_villages"]
    ids = [field["id"] for field in layer["fields"]]
    (first,) = (dict(zip(ids, row["values"], strict=True)) for row in layer["rows"])
    (second,) = (dict(zip(ids, row["values"], strict=True)) for row in points["other_villages"]["rows"])
    assert first["signal_state"] == "none_at_cluster"
    assert first["operators"] == ["Viettel", "VNPT"]
    assert (first["observed"], first["predicted"], second["observed"]) == (None, True, True)
    assert (first["nearest_covered_village_km"], first["nearest_site_km"]) == (1.25, 3.5)
    assert second["nearest_covered_village_km"] is None
    assert first["nearest_covered_village_name"] == "Bản <b>Đá</b>"  # text of a node, never markup
    labels = {field["id"]: field["label"] for field in layer["fields"]}
    assert labels["signal_state"] == {"vi": "Tình trạng sóng", "en": "Signal"}
    assert all(label["vi"] and label["en"] != name for name, label in labels.items() if name.startswith("nearest"))


def test_no_operator_is_not_the_same_as_not_known() -> None:
    view = made.province(side=6)
    assert view.villages is not None
    table = {"code": view.villages["code"].iloc[:2], "signal_state": ["none_at_centre"] * 2, "operators": ["", None]}
    layer = page_data(replace(view, gap_villages=pd.DataFrame(table)))["points"]["gap_villages"]
    place = [field["id"] for field in layer["fields"]].index("operators")
    assert [row["values"][place] for row in layer["rows"]] == [[], None]
    assert say("map.ui.none", "vi") == "không có"


def test_villages_with_signal_are_not_shown_as_without() -> None:
    view = made.province(side=6)
    assert view.villages is not None
    states = ["none_at_centre", "none_at_cluster", "one_operator", ""]
    gaps = pd.DataFrame({"code": view.villages["code"].iloc[:4], "signal_state": states})
    points = page_data(replace(view, gap_villages=gaps))["points"]
    assert [row["partly"] for row in points["gap_villages"]["rows"]] == [False, True]
    assert [row["partly"] for row in points["other_villages"]["rows"]] == [False, False]
    assert "other_villages" not in page_data(replace(view, gap_villages=gaps.iloc[:2]))["points"]
