"""Villages with gaps and totals of gaps over HTTP."""

from __future__ import annotations

import pytest


def test_a_gap_village_shows_state_operators_distances_and_reasons(client) -> None:
    body = client.json("/gap-villages", params={"lang": "en"})
    first, second = body["items"]
    assert (first["code"], first["signal_state"], first["operators_count"], first["operators"]) == (
        "V1",
        "none_at_centre",
        0,
        [],
    )
    assert (first["observed"], first["predicted"], first["clusters_basis"]) == (False, True, "populated_cells")
    assert (first["nearest_covered_village_km"], first["nearest_covered_village"]) == (1.25, "V2")
    assert (first["nearest_site_km"], first["nearest_site"]) == (3.5, "S1")
    assert first["classes"] == ["mountainous", "land_border"]
    assert [reason["code"] for reason in first["reasons"]] == ["V1"]
    assert first["lon"] is not None
    assert second["operators"] == ["Viettel"]
    for name in ("clusters_basis", "observed", "grid_power", "nearest_site", "nearest_site_km", "people_affected"):
        assert second[name] is None, name
    assert body["meta"]["units"]["nearest_site_km"] == "km"


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("state=none_at_centre", ["V1"]),
        ("state=none_at_cluster", []),
        ("operator=viettel", ["V2"]),
        ("operator=nobody", []),
        ("grid_power=false", ["V1"]),
        ("grid_power=true", []),
        ("basis=observed", ["V1"]),
        ("min_people=400", ["V1"]),
        ("min_people=401", []),
        ("district=huong%20hoa", ["V1", "V2"]),
        ("unit_code=19402", []),
        ("rule=village_centre", ["V1"]),
        ("q=cop", ["V1"]),
        ("limit=1&offset=1", ["V2"]),
    ],
)
def test_filters(client, query: str, codes: list[str]) -> None:
    assert [row["code"] for row in client.json(f"/gap-villages?{query}")["items"]] == codes


def test_totals_say_the_whole_with_null(client) -> None:
    whole, mobile, district = client.json("/gap-totals")["items"]
    assert (whole["district"], whole["service"], whole["people_affected"], whole["unknown"]) == (None, None, 900.0, 2)
    assert (mobile["service"], mobile["people_affected"]) == ("mobile", None)
    assert district["district"] == "Hướng Hóa"


def test_unknown_words_are_refused(client) -> None:
    assert client.get("/api/v1/gap-villages?state=dark").status_code == 422
    assert client.get("/api/v1/gap-villages?colour=red").status_code == 422
