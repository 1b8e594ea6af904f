"""Every address: its good answer, its pages, its filters, and what it does with names that are not names."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

Client = Any  # tests/api/conftest.py
LEFT, TOP, CELL = 540000.0, 1850000.0, 1000.0
EVIL = "<img src=x onerror=alert(1)>"
LISTS = [
    "/layers",
    "/indicators",
    "/communes",
    "/villages",
    "/gaps",
    "/not-judged",
    "/comparison",
    "/targets",
    "/districts",
    "/progress",
    "/plan",
    "/exports",
]


def lonlat(col: float, row: float) -> dict[str, float]:
    """The point at a fractional cell of the fixture's rasters."""
    to_degrees = Transformer.from_crs("EPSG:9212", "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(LEFT + col * CELL, TOP - row * CELL)
    return {"lon": lon, "lat": lat}


def test_health_names_the_run_and_its_hashes(client: Client) -> None:
    body = client.json("/health")
    assert body["status"] == "ok"
    assert body["synthetic"] is True
    assert body["run"]["inputs"] == {"units": "ab" * 32}
    assert body["run"]["steps"] == {"gaps": "cd" * 32}
    assert len(body["run"]["hash"]) == 64


def test_layers_tell_rows_dates_sources_and_units(client: Client) -> None:
    layers = {layer["name"]: layer for layer in client.json("/layers")["items"]}
    assert list(layers) == ["units", "sites", "elevation"]
    assert layers["units"]["rows"] == 12
    assert layers["sites"]["as_of"] == ["2012-12-31"]
    assert layers["sites"]["sources"] == ["sổ <trạm>"]
    assert [layers[name]["synthetic"] for name in layers] == [False, True, False]
    assert layers["elevation"]["rows"] is None
    assert layers["elevation"]["as_of"] == ["2000-02-11"]
    units = {column["name"]: column["unit"] for column in layers["units"]["columns"]}
    assert units["population"] == "persons"


def test_indicators_are_those_of_the_results(client: Client) -> None:
    body = client.json("/indicators", params={"lang": "en"})
    ids = {(item["level"], item["id"]) for item in body["items"]}
    assert ("unit", "people_covered_2g_viettel_pct") in ids
    assert ("village", "centre_level_2g_dbm") in ids
    assert ("province", "bts_in_operation") in ids
    by_id = {item["id"]: item for item in body["items"]}
    assert by_id["people_covered_2g_pct"]["unit"] == "%"
    assert "Viettel" in by_id["people_covered_2g_viettel_pct"]["label"]
    assert by_id["people_covered_2g_pct"]["sources"]


@pytest.mark.parametrize("path", LISTS)
def test_every_list_says_date_sources_units_and_synthetic(client: Client, path: str) -> None:
    meta = client.json(path)["meta"]
    assert meta["as_of"] == "2012-12-31"
    assert meta["synthetic"] is True
    assert meta["layers"]["units"]["sources"] == ["127-BC/TU"]
    assert meta["lang"] == "vi"
    assert meta["people_methods"] == ["dasymetric"]


def test_communes_keep_no_data_apart_from_zero(client: Client) -> None:
    rows = {row["code"]: row for row in client.json("/communes")["items"]}
    assert rows["19402"]["indicators"]["people_covered_2g_pct"] is None
    assert rows["19411"]["population"] is None
    assert rows["19402"]["indicators"]["mountainous"] is None
    assert rows["19401"]["indicators"]["mountainous"] is False
    assert rows["19400"]["is_gap"] is True
    assert rows["19401"]["is_gap"] is False
    assert client.json("/communes")["meta"]["units"]["people_covered_2g_pct"] == "%"


@pytest.mark.parametrize("q", ["huong", "HƯỚNG", "Hướng", "hương", " huong "])
def test_search_works_with_and_without_tones(client: Client, q: str) -> None:
    names = [row["name"] for row in client.json("/communes", params={"q": q})["items"]]
    assert names == ["Hướng Phùng", "Hướng Hóa"]


def test_d_with_stroke_is_d_and_codes_are_found(client: Client) -> None:
    assert [row["name"] for row in client.json("/communes?q=dakrong")["items"]] == ["Đakrông"]
    assert [row["code"] for row in client.json("/communes?q=19403")["items"]] == ["19403"]
    assert client.json("/communes?q=%25")["total"] == 0


def test_filter_by_district(client: Client) -> None:
    assert client.json("/communes?district=cam%20lo")["total"] == 6
    assert client.json("/communes?district=Cam")["total"] == 0


def test_sort_puts_no_data_last_both_ways(client: Client) -> None:
    for sort in ("people_covered_2g_pct", "-people_covered_2g_pct"):
        values = [
            row["indicators"]["people_covered_2g_pct"]
            for row in client.json("/communes", params={"sort": sort})["items"]
        ]
        assert values[-1] is None
        assert values[:-1] == sorted(values[:-1], reverse=sort.startswith("-"))


@settings(max_examples=20, deadline=None)
@given(limit=st.integers(1, 20), sort=st.sampled_from(["code", "-population", "name"]), q=st.sampled_from(["", "xa"]))
def test_following_next_gives_each_row_once(client: Client, limit: int, sort: str, q: str) -> None:
    whole = [row["code"] for row in client.json("/communes", params={"limit": 500, "sort": sort, "q": q})["items"]]
    seen: list[str] = []
    link: str | None = f"/api/v1/communes?limit={limit}&sort={sort}&q={q}"
    pages = 0
    while link:
        body = client.get(link).json()
        assert body["total"] == len(whole)
        assert len(body["items"]) <= limit
        seen += [row["code"] for row in body["items"]]
        last, link, pages = body["links"]["last"], body["links"]["next"], pages + 1
    assert seen == whole
    assert client.get(last).json()["items"] == body["items"]
    assert pages == max(1, -(-len(whole) // limit))


def test_prev_leads_back_and_an_offset_past_the_end_is_empty(client: Client) -> None:
    second = client.json("/communes?limit=5&offset=5")
    first = client.get(second["links"]["prev"]).json()
    assert first["offset"] == 0
    assert first["links"]["prev"] is None
    assert first["links"]["next"] == second["links"]["self"]
    assert client.json("/communes?offset=1000")["items"] == []


def test_one_commune_has_reasons_and_villages(client: Client) -> None:
    body = client.json("/communes/19400", params={"lang": "en"})
    assert body["name"] == "Hướng Phùng"
    assert [reason["text"] for reason in body["reasons"]] == ["10 % of people have signal"]
    assert body["reasons"][0]["margin"] == -85.0
    assert [village["code"] for village in body["villages"]] == ["V1", "V2"]
    assert client.json("/communes/19405")["reasons"] == []


def test_villages_have_places_and_filters(client: Client) -> None:
    rows = client.json("/villages")["items"]
    expected = lonlat(1.5, 1.5)
    assert rows[0]["lon"] == pytest.approx(expected["lon"], abs=1e-6)
    assert rows[0]["lat"] == pytest.approx(expected["lat"], abs=1e-6)
    assert rows[1]["population"] is None
    assert rows[0]["indicators"]["observed_as_of"] == "2012-11-01"
    assert [row["code"] for row in client.json("/villages?is_gap=true")["items"]] == ["V1", "V2"]
    assert [row["code"] for row in client.json("/villages?unit_code=19401")["items"]] == ["V3"]
    assert client.json("/villages?unit_code=none")["total"] == 0


def test_gaps_come_by_rank_with_their_reasons(client: Client) -> None:
    first, second = client.json("/gaps")["items"]
    assert [first["rank"], second["rank"]] == [1, 2]
    assert first["classes"] == ["mountainous", "land_border"]
    assert first["basis"] == ["observed", "model"]
    assert second["people_affected"] is None
    assert second["reasons"][0]["override_reason"] == "=vùng khó khăn"


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("class=mountainous", ["19400"]),
        ("class=island", []),
        ("rule=postal_people_per_point", ["19402"]),
        ("rule=village_centre", []),
        ("basis=model", ["19400"]),
        ("basis=record", ["19402"]),
        ("min_people=900", ["19400"]),
        ("min_people=900.1", []),
        ("min_people=0", ["19400"]),
        ("q=huong&class=land_border", ["19400"]),
        ("district=huong hoa", ["19400", "19402"]),
    ],
)
def test_gap_filters(client: Client, query: str, codes: list[str]) -> None:
    assert [gap["code"] for gap in client.json(f"/gaps?{query}")["items"]] == codes
    assert [f["properties"]["code"] for f in client.json(f"/gaps.geojson?{query}")["features"]] == codes


def test_one_gap_shows_its_villages(client: Client) -> None:
    body = client.json("/gaps/19400")
    assert body["gap"]["need_index"] == 89.5
    assert [village["code"] for village in body["villages"]] == ["V1", "V2"]
    assert [reason["code"] for reason in body["village_reasons"]] == ["V1"]


def test_what_could_not_be_judged_is_listed_apart(client: Client) -> None:
    rows = client.json("/not-judged")["items"]
    assert [(row["code"], row["why"]) for row in rows] == [("19402", "no_data"), ("V2", "class_unknown")]
    assert [row["valid_on"] for row in rows] == ["2012-12-31", None]
    assert [row["code"] for row in client.json("/not-judged?level=village")["items"]] == ["V2"]
    assert client.json("/not-judged?rule=village_centre&code=19402")["total"] == 0


def test_reports_stand_beside_the_model(client: Client) -> None:
    first, second = client.json("/comparison")["items"]
    assert (first["observed"], first["model"], first["agree"]) == (False, True, "no")
    assert (second["observed"], second["model"], second["agree"]) == (True, None, None)
    assert [row["code"] for row in client.json("/comparison?agree=no")["items"]] == ["V1"]


def test_targets_show_published_and_computed(client: Client) -> None:
    radius, stations, district = client.json("/targets", params={"lang": "en"})["items"]
    assert (radius["published"], radius["computed"], radius["target"], radius["met"]) == (3.16, 3.11, 2.3, "no")
    assert "sqrt" in radius["note_text"]
    assert radius["unit"] == "km"
    assert (radius["level"], radius["area"], radius["published_as_of"]) == ("province", None, "2012-12-31")
    assert (radius["build_count"], radius["build_text"]) == (130, "130 more postal points")
    assert stations["computed"] is None
    assert stations["met"] is None
    assert stations["build_count"] is None
    assert (district["area"], district["asked_of"]) == ("Hướng Hóa", "province")


def test_targets_by_area_and_verdict(client: Client) -> None:
    assert client.json("/targets?level=province")["total"] == 2
    assert client.json("/targets?district=huong%20hoa")["items"][0]["build_text"] == "thêm 46 điểm"
    assert client.json("/targets?met=no&level=province")["total"] == 1
    assert client.json("/targets?indicator=bts_in_operation")["total"] == 1
    assert client.get("/api/v1/targets?met=perhaps").status_code == 422
    assert client.get("/api/v1/targets?area=x").status_code == 422


def test_districts_have_the_indicators_of_the_province(client: Client) -> None:
    first, second = client.json("/districts")["items"]
    assert first == {"district": "Hướng Hóa", "indicators": {"points_post_count": 24.0}}
    assert second["indicators"]["points_post_count"] is None


def test_progress_tells_every_date_the_pace_and_the_forecast(client: Client) -> None:
    broadband, radius = client.json("/progress", params={"lang": "en"})["items"]
    assert [value["as_of"][:4] for value in broadband["values"]] == [str(year) for year in range(2007, 2013)]
    (pace,) = broadband["pace"]
    assert (pace["from"], pace["to"], pace["method"]) == ("2007-12-31", "2012-12-31", "saturating")
    assert pace["low"] < pace["forecast"] < pace["high"] < pace["saturation"]
    assert (pace["target"], pace["reaches_on"], pace["on_pace"]) == (None, None, None)
    assert radius["values"][0]["basis"] == "published"
    assert radius["pace"] == []
    assert client.json("/progress?indicator=broadband_per_100")["total"] == 1
    assert client.json("/progress?level=district")["total"] == 0


def test_plan_is_in_order_and_has_units(client: Client) -> None:
    body = client.json("/plan?limit=1")
    assert body["total"] == 2
    assert body["items"][0]["cost_vnd"] == 0.83e9
    assert body["meta"]["units"]["people_per_bn_vnd"] == "người/tỷ đồng"
    assert client.json("/plan?lang=en")["meta"]["units"]["cost_vnd"] == "VND"
    assert client.json("/plan?offset=1")["items"][0]["ground_elevation_m"] is None


def test_coverage_at_a_usable_point(client: Client) -> None:
    body = client.json("/coverage", params=lonlat(3.5, 7.5))
    assert body["unit_code"] == "19404"
    assert body["elevation_m"] == 7 * 16 + 3
    best, viettel, vnpt = body["levels"]
    assert best["operator"] is None
    assert (best["level_dbm"], best["usable_dbm"], best["usable"]) == (-88.0, -95.0, True)
    assert best["quantity"] == "RxLev"
    assert best["server"]["site_id"] == "S1"
    assert best["server"]["name"] == "Trạm Đỉnh"
    assert best["server"]["distance_km"] == pytest.approx(4.0, rel=2e-3)
    assert viettel["operator"] == "Viettel"
    assert (vnpt["state"], vnpt["level_dbm"], vnpt["usable"], vnpt["server"]) == ("no_data", None, None, None)


@pytest.mark.parametrize(
    ("col", "state", "level", "usable"),
    [(0.5, "no_data", None, None), (1.5, "no_mast_in_range", None, False), (2.5, "too_weak", -101.0, False)],
)
def test_no_data_no_mast_and_weak_are_three_things(
    client: Client, col: float, state: str, level: float | None, usable: bool | None
) -> None:
    best = client.json("/coverage", params=lonlat(col, 0.5))["levels"][0]
    assert (best["state"], best["level_dbm"], best["usable"]) == (state, level, usable)


def test_geojson_is_in_degrees_and_keeps_every_commune(client: Client) -> None:
    answer = client.get("/api/v1/communes.geojson")
    assert answer.headers["content-type"].startswith("application/geo+json")
    body = answer.json()
    assert body["meta"]["synthetic"] is True
    assert len(body["features"]) == 12
    lon, lat = body["features"][0]["geometry"]["coordinates"][0][0]
    assert 106 < lon < 107
    assert 16 < lat < 17
    assert body["features"][2]["properties"]["people_covered_2g_pct"] is None
    assert [f["id"] for f in client.json("/communes.geojson?q=dakrong")["features"]] == ["19403"]


def test_hostile_names_stay_text(client: Client) -> None:
    for path in ("/communes", "/gaps", "/plan", "/communes.geojson", "/gaps/19400"):
        answer = client.get(f"/api/v1{path}")
        assert answer.headers["content-type"].split(";")[0] in ("application/json", "application/geo+json")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert EVIL in json.dumps(answer.json(), ensure_ascii=False)


def test_the_same_language_everywhere(client: Client) -> None:
    english = {"accept-language": "fr, en;q=0.8, vi;q=0.5"}
    assert client.json("/gaps", headers=english)["meta"]["lang"] == "en"
    assert client.json("/gaps?lang=vi", headers=english)["meta"]["lang"] == "vi"
    assert client.json("/gaps", headers={"accept-language": "de, *"})["meta"]["lang"] == "vi"
    assert client.json("/gaps", headers={"accept-language": "en;q=x, en;q=0"})["meta"]["lang"] == "vi"
    answer = client.get("/api/v1/gaps?lang=en")
    assert answer.headers["content-language"] == "en"
    assert "Accept-Language" in answer.headers["vary"]
    assert client.get("/api/v1/nope?lang=en").json()["title"] == "Not found"
    assert client.get("/api/v1/nope", headers={"accept-language": "vi-VN"}).json()["title"] == "Không tìm thấy"


def test_figures_are_the_results_own(client: Client, units: pd.DataFrame) -> None:
    frame = units.set_index("code")
    for row in client.json("/communes")["items"]:
        value = row["indicators"]["people_covered_2g_pct"]
        expected = frame.loc[row["code"], "people_covered_2g_pct"]
        assert value == expected or (value is None and pd.isna(expected))


def test_links_stay_on_this_server(client: Client) -> None:
    for name, link in client.json("/communes?limit=5&q=x%26offset%3D9")["links"].items():
        if link is not None:
            parts = urlsplit(link)
            assert (parts.scheme, parts.netloc, parts.path) == ("", "", "/api/v1/communes"), name
            assert "q=x%26offset%3D9" in parts.query
