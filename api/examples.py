"""The examples that stand in OpenAPI: one answer of the API each, as the models of ``models.py`` give it."""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]

DATED: Example = {"as_of": ["2012-12-31"], "sources": ["Report 127-BC/TU"], "synthetic": True}
META: Example = {
    "study": "Quảng Trị 2012",
    "as_of": "2012-12-31",
    "synthetic": True,
    "lang": "vi",
    "units": {"people_covered_2g_pct": "%"},
    "layers": {"units": DATED},
    "people_methods": ["dasymetric"],
}
PAGE: Example = {
    "total": 141,
    "limit": 50,
    "offset": 50,
    "links": {
        "self": "/api/v1/communes?offset=50",
        "first": "/api/v1/communes?offset=0",
        "prev": "/api/v1/communes?offset=0",
        "next": "/api/v1/communes?offset=100",
        "last": "/api/v1/communes?offset=100",
    },
}
COMMUNE: Example = {
    "code": "19429",
    "valid_on": "2012-12-31",
    "name": "Hướng Phùng",
    "district": "Hướng Hóa",
    "population": 5000.0,
    "is_gap": True,
    "indicators": {"people_covered_2g_pct": 71.9, "mountainous": True, "people_per_post_point": None},
}
VILLAGE: Example = {
    "code": "19429-03",
    "name": "Thôn Cợp",
    "unit_code": "19429",
    "population": 410.0,
    "lon": 106.58,
    "lat": 16.73,
    "is_gap": True,
    "indicators": {"centre_covered_2g": False, "centre_level_2g_dbm": -108.5, "observed_signal_2g": None},
}
REASON: Example = {
    "level": "unit",
    "code": "19429",
    "rule": "commune_people_covered",
    "service": "mobile",
    "indicator": "people_covered_2g_pct",
    "value": 71.9,
    "threshold": 95.0,
    "comparison": ">=",
    "margin": -23.1,
    "unit": "%",
    "basis": "model",
    "observed_as_of": None,
    "people_affected": 1405.0,
    "pack": "mobile_signal",
    "mark": "K",
    "source": "QCVN 81",
    "standing": "assumption",
    "document": None,
    "article": None,
    "valid_from": None,
    "override_reason": None,
    "text": "71,9 % số người có sóng 2G; quy tắc yêu cầu 95 % (thiếu 23,1 điểm)",
}
GAP: Example = {
    "rank": 1,
    "code": "19429",
    "valid_on": "2012-12-31",
    "name": "Hướng Phùng",
    "district": "Hướng Hóa",
    "population": 5000.0,
    "people_affected": 1405.0,
    "reasons_count": 1,
    "need_index": 62.5,
    "judged_weight_pct": 100.0,
    "classes": ["mountainous", "land_border"],
    "basis": ["model"],
    "gap_villages": 1,
    "reasons": [REASON],
}
NOT_JUDGED: Example = {
    "level": "unit",
    "code": "19429",
    "valid_on": "2012-12-31",
    "name": "Hướng Phùng",
    "rule": "fibre_commune",
    "pack": "plan_2025",
    "indicator": "fibre_to_commune",
    "why": "no_data",
}
COMPARED: Example = {
    "code": "19429-03",
    "name": "Thôn Cợp",
    "unit_code": "19429",
    "technology": "2G",
    "observed": False,
    "model_level_dbm": -90.1,
    "model": True,
    "agree": "no",
}
SITE: Example = {
    "rank": 1,
    "candidate_id": "H0012",
    "kind": "hilltop",
    "name": "Hướng Phùng",
    "unit_code": "19429",
    "unit_name": "Hướng Phùng",
    "lon": 106.57,
    "lat": 16.74,
    "x_m": 534300.0,
    "y_m": 1850900.0,
    "ground_elevation_m": 655.0,
    "technology": "4G",
    "band_mhz": 1800.0,
    "height_m": 36.0,
    "cost_vnd": 1.245e9,
    "people_new": 812.4,
    "people_new_cumulative": 812.4,
    "cost_cumulative_vnd": 1.245e9,
    "people_per_bn_vnd": 652.5,
    "off_grid": False,
    "border": True,
}
LEVEL: Example = {
    "technology": "2G",
    "operator": "Viettel",
    "quantity": "RxLev",
    "level_dbm": -88.2,
    "usable_dbm": -95.0,
    "usable": True,
    "state": "usable",
    "server": {
        "sector_id": "S0007-V-2G-1",
        "site_id": "S0007",
        "name": None,
        "lon": 106.6,
        "lat": 16.7,
        "distance_km": 3.98,
    },
}
RUN: Example = {
    "hash": "0" * 64,
    "started": "2026-01-31T08:00:00+00:00",
    "inputs": {"units": "0" * 64},
    "steps": {"gaps": "0" * 64},
    "versions": {"phusong": "0.1.0"},
}
EXPORT: Example = {
    "name": "gaps.csv",
    "size_bytes": 20480,
    "media_type": "text/csv; charset=utf-8",
    "sha256": "0" * 64,
    "href": "/api/v1/exports/gaps.csv",
}
LAYER: Example = {
    "name": "sites",
    "about": "Trạm thu phát sóng",
    "geometry": "point",
    "rows": 540,
    "as_of": ["2012-12-31"],
    "sources": ["synthetic"],
    "synthetic": True,
    "columns": [{"name": "site_id", "kind": "text", "unit": "", "required": True, "about": "", "words": []}],
}
INDICATOR: Example = {
    "id": "people_covered_2g_pct",
    "level": "unit",
    "label": "Tỷ lệ người có sóng 2G",
    "about": "",
    "unit": "%",
    "kind": "number",
    "sources": ["sites", "sectors", "elevation", "units"],
}
