"""Every indicator is declared with unit, sources and texts, and an id reads back to what it stands for."""

import pytest

from phusong.coverage.access.services import services
from phusong.coverage.facilities import FACILITIES
from phusong.coverage.indicators import (
    INDICATORS,
    expand,
    find,
    indicator_about,
    indicator_label,
    indicator_unit,
    labels,
    operator_slugs,
    slug,
)
from phusong.layers.errors import MissingError
from phusong.layers.messages import LANGS, catalogue
from phusong.layers.schema import LAYERS, RASTERS

PAIRS = [("2G", "Viettel"), ("5G", "Đông Á Telecom"), ("2G", "VNPT"), ("2G", "VNPT!")]
OPERATORS = ["Viettel", "Đông Á Telecom", "VNPT", "VNPT!"]
EVERYTHING = {
    "technologies": ["2G", "5G"],
    "operators": PAIRS,
    "services": [one.id for one in services()],
    "facilities": FACILITIES,
}


def all_expanded():
    return [one for level in ("unit", "village", "province") for one in expand(level, **EVERYTHING)]


def test_slugs_are_plain_and_all_different():
    assert slug("Đông Á Telecom") == "dong_a_telecom"
    assert operator_slugs(OPERATORS) == {
        "VNPT": "vnpt",
        "VNPT!": "vnpt_2",
        "Viettel": "viettel",
        "Đông Á Telecom": "dong_a_telecom",
    }


def test_ids_are_unique_within_a_level():
    for level in ("unit", "village", "province"):
        ids = [one.id for one in expand(level, **EVERYTHING)]
        assert len(ids) == len(set(ids))


def test_every_id_reads_back_to_its_declaration():
    for one in all_expanded():
        assert find(one.id, level=one.level, operators=OPERATORS) == one
    with pytest.raises(MissingError, match="people_covered_9g_pct"):
        find("people_covered_9g_pct")
    with pytest.raises(MissingError):
        find("elevation_m", level="province")


@pytest.mark.parametrize("lang", LANGS)
def test_every_indicator_has_words_and_a_unit(lang):
    for one in all_expanded():
        name = indicator_label(one.id, lang, operators=OPERATORS)
        assert name
        assert "{" not in name + indicator_about(one.id, lang)
        assert indicator_unit(one.id, lang)
        assert set(one.sources) <= set(LAYERS) | set(RASTERS)


def test_no_text_without_an_indicator():
    codes = {one.text_code for one in (*all_expanded(), *INDICATORS)}  # those only published are in no table
    told = {code.rsplit(".", 1)[0] for code in catalogue() if code.startswith("indicator.")}
    assert told == codes
    assert len(INDICATORS) > len(codes) / 2


def test_a_service_is_told_only_what_it_has():
    ids = {one.id for one in expand("unit", technologies=[], services=["post", "fibre_node"])}
    assert {"points_fibre_node_count", "mean_distance_fibre_node_km", "people_within_5km_fibre_node_pct"} <= ids
    assert {"people_within_3km_post_pct", "people_within_30min_post_pct", "access_post", "has_post"} <= ids
    for name in ("people_within_7km_post_pct", "mean_time_fibre_node_min", "access_fibre_node", "has_bank"):
        assert name not in ids
        with pytest.raises(MissingError):
            find(name)
    within = find("people_within_30min_post_pct")
    assert (within.service, within.limit, within.template) == ("post", "30min", "people_within_{limit}_{service}_pct")
    assert {"postal_points", "roads", "rivers", "crossings"} <= set(within.sources)
    assert "roads" not in find("people_within_3km_post_pct").sources
    assert "roads" in find("people_within_1km_fibre_node_pct").sources


def test_a_service_is_named_in_words():
    assert indicator_label("people_within_30min_post_office_pct", "en") == (
        "People within 30 minutes of the nearest post office"
    )
    assert indicator_label("people_within_5km_health_station_pct", "vi") == (
        "Dân số cách trạm y tế xã gần nhất không quá 5 km"
    )
    assert indicator_label("schools_broadband_mountain_pct", "vi") == (
        "Trường học các cấp có Internet băng rộng, miền núi"
    )
    assert indicator_unit("access_primary_school", "en") == "per 1,000 people"
    assert indicator_unit("access_post", "vi") == "trên 10.000 dân"


def test_labels_name_technology_and_operator():
    found = labels(expand("unit", technologies=["3G"], operators=[("3G", "Đông Á Telecom")]), "vi")
    assert found["people_covered_3g_dong_a_telecom_pct"] == "Dân số có sóng 3G của Đông Á Telecom"
    assert indicator_label("people_covered_3g_pct", "en") == "People with 3G signal"
    assert indicator_unit("points_post_count", "vi") == "điểm"
    assert indicator_unit("people_covered_3g_pct", "vi") == "%"
