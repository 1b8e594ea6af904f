"""What the API answers: one model each, with units in the field descriptions and an example the tests validate.

"No data" is null, never 0. Percent is 0-100. Positions are longitude and latitude in degrees, WGS 84.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from phusong.layers.messages import Lang

Value = float | bool | str | None
Figures = dict[str, Value]

_DATED = {"as_of": ["2012-12-31"], "sources": ["Report 127-BC/TU"], "synthetic": True}
_META = {
    "study": "Quảng Trị 2012",
    "as_of": "2012-12-31",
    "synthetic": True,
    "lang": "vi",
    "units": {"people_covered_2g_pct": "%"},
    "layers": {"units": _DATED},
}
_PAGE = {
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
_COMMUNE = {
    "code": "19429",
    "valid_on": "2012-12-31",
    "name": "Hướng Phùng",
    "district": "Hướng Hóa",
    "population": 5000.0,
    "is_gap": True,
    "indicators": {"people_covered_2g_pct": 71.9, "mountainous": True, "people_per_postal_point": None},
}
_VILLAGE = {
    "code": "19429-03",
    "name": "Thôn Cợp",
    "unit_code": "19429",
    "population": 410.0,
    "lon": 106.58,
    "lat": 16.73,
    "is_gap": True,
    "indicators": {"centre_covered_2g": False, "centre_level_2g_dbm": -108.5, "observed_signal_2g": None},
}
_REASON = {
    "level": "unit",
    "code": "19429",
    "rule": "commune_people_covered",
    "indicator": "people_covered_2g_pct",
    "value": 71.9,
    "threshold": 95.0,
    "comparison": ">=",
    "margin": -23.1,
    "unit": "%",
    "basis": "model",
    "people_affected": 1405.0,
    "pack": "mobile_signal",
    "mark": "K",
    "source": "QCVN 81",
    "override_reason": None,
    "text": "71,9 % số người có sóng 2G; quy tắc yêu cầu 95 % (thiếu 23,1 điểm)",
}
_GAP = {
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
    "reasons": [_REASON],
}
_TARGET = {
    "indicator": "mean_service_radius_km",
    "label": "Bán kính phục vụ bình quân một điểm",
    "published": 3.16,
    "computed": 3.11,
    "unit": "km",
    "target": 2.3,
    "comparison": "<=",
    "met": "no",
    "note": "inconsistent_area",
    "note_text": "số công bố dùng diện tích khác",
    "source": "127-BC/TU",
    "rule": "resolution_08_service_radius",
    "mark": "P",
    "target_source": "08-NQ/TU",
    "override_reason": None,
}
_SITE = {
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
_LEVEL = {
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
_RUN = {
    "hash": "0" * 64,
    "started": "2026-01-31T08:00:00+00:00",
    "inputs": {"units": "0" * 64},
    "steps": {"gaps": "0" * 64},
    "versions": {"phusong": "0.1.0"},
}
_EXPORT = {
    "name": "gaps.csv",
    "size_bytes": 20480,
    "media_type": "text/csv; charset=utf-8",
    "sha256": "0" * 64,
    "href": "/api/v1/exports/gaps.csv",
}
_LAYER = {
    "name": "sites",
    "about": "Trạm thu phát sóng",
    "geometry": "point",
    "rows": 540,
    "as_of": ["2012-12-31"],
    "sources": ["synthetic"],
    "synthetic": True,
    "columns": [{"name": "site_id", "kind": "text", "unit": "", "required": True, "about": "", "words": []}],
}
_INDICATOR = {
    "id": "people_covered_2g_pct",
    "level": "unit",
    "label": "Tỷ lệ người có sóng 2G",
    "about": "",
    "unit": "%",
    "kind": "number",
    "sources": ["sites", "sectors", "elevation", "units"],
}


def _with(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [example]})


class ProblemError(BaseModel):
    """One parameter that is not valid."""

    model_config = _with({"location": "query.limit", "code": "api.invalid.int_parsing", "message": "phải là số nguyên"})
    location: str = Field(description="Where: the part of the request and its name, such as query.limit")
    code: str = Field(description="Stable code of the fault")
    message: str = Field(description="What is wrong, in the language asked for")


class Problem(BaseModel):
    """An error by RFC 9457 (application/problem+json)."""

    model_config = _with(
        {
            "type": "urn:phusong:problem:not-found",
            "title": "Không tìm thấy",
            "status": 404,
            "detail": "Nghiên cứu này không có xã nào mang mã 00000",
            "instance": "/api/v1/communes/00000",
            "code": "api.no_unit",
            "errors": [],
        }
    )
    type: str = Field(description="URN of the kind of problem; never changes")
    title: str = Field(description="The kind of problem, in words")
    status: int = Field(description="HTTP status")
    detail: str = Field(description="This problem, in words")
    instance: str = Field(description="Path of the request")
    code: str = Field(description="Stable code of the message")
    errors: list[ProblemError] = Field(description="Invalid parameters, one each")


class Dated(BaseModel):
    """Dates and sources of one input layer."""

    model_config = _with(_DATED)
    as_of: list[date] = Field(description="Dates the rows speak of")
    sources: list[str] = Field(description="Where the rows come from")
    synthetic: bool = Field(description="Whether any row is generated")


class Meta(BaseModel):
    """What stands on every figure: the study, its date, whether it is synthetic, units of measure and sources."""

    model_config = _with(_META)
    study: str = Field(description="Name of the study")
    as_of: date = Field(description="Date of the administrative units")
    synthetic: bool = Field(description="True: the figures are generated, not observed")
    lang: Lang = Field(description="Language of the texts")
    units: dict[str, str] = Field(description="Unit of measure of each figure that has one")
    layers: dict[str, Dated] = Field(description="Input layers the figures rest on")


class Links(BaseModel):
    """Addresses of the neighbouring pages."""

    model_config = _with(_PAGE["links"])  # type: ignore[arg-type]
    self: str = Field(description="This page")
    first: str = Field(description="First page")
    prev: str | None = Field(description="Page before, null on the first")
    next: str | None = Field(description="Page after, null on the last")
    last: str = Field(description="Last page")


class Listing(BaseModel):
    """A page of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    meta: Meta
    total: int = Field(description="Rows that pass the filters, on all pages")
    limit: int = Field(description="Most rows on a page")
    offset: int = Field(description="Rows before this page")
    links: Links


class Run(BaseModel):
    """The run that made the results."""

    model_config = _with(_RUN)
    hash: str = Field(description="SHA-256 of run.json")
    started: str | None = Field(description="When it began, UTC")
    inputs: dict[str, str] = Field(description="SHA-256 of the content of each input")
    steps: dict[str, str] = Field(description="Key of each step: the hash of its inputs, parameters and code")
    versions: dict[str, str] = Field(description="Versions of the program and its libraries in that run")


class Health(BaseModel):
    """Whether there is something to serve, and what it was made from."""

    model_config = _with(
        {
            "status": "ok",
            "study": "Quảng Trị 2012",
            "as_of": "2012-12-31",
            "synthetic": True,
            "version": "0.1.0",
            "lang": "vi",
            "run": _RUN,
        }
    )
    status: Literal["ok", "no_results"] = Field(description="no_results: the study has not been run yet")
    study: str = Field(description="Name of the study")
    as_of: date = Field(description="Date of the administrative units")
    synthetic: bool = Field(description="True: the figures are generated, not observed")
    version: str = Field(description="Version of the server")
    lang: Lang = Field(description="Language of the study")
    run: Run | None = Field(description="The run whose results are served; null if there is none")


class ColumnInfo(BaseModel):
    """One column of a layer."""

    model_config = _with(_LAYER["columns"][0])  # type: ignore[index]
    name: str
    kind: str = Field(description="text, number, integer, yes_no, date or word")
    unit: str = Field(description="Unit of measure, empty if it has none")
    required: bool = Field(description="Whether the layer must have it")
    about: str = Field(description="What it means")
    words: list[str] = Field(description="The closed list of words, for kind word")


class LayerInfo(BaseModel):
    """One input layer or raster."""

    model_config = _with(_LAYER)
    name: str
    about: str = Field(description="What it holds")
    geometry: Literal["point", "polygon", "any", "none", "raster"]
    rows: int | None = Field(description="Rows; null for rasters")
    as_of: list[date] = Field(description="Dates the rows speak of")
    sources: list[str] = Field(description="Where the rows come from")
    synthetic: bool = Field(description="Whether any row is generated")
    columns: list[ColumnInfo]


class LayerList(BaseModel):
    """The layers the study has."""

    model_config = _with({"meta": _META, "total": 1, "items": [_LAYER]})
    meta: Meta
    total: int = Field(description="Layers")
    items: list[LayerInfo]


class IndicatorInfo(BaseModel):
    """One declared indicator."""

    model_config = _with(_INDICATOR)
    id: str = Field(description="Name in `indicators` of communes and villages")
    level: Literal["unit", "village", "province"]
    label: str = Field(description="Name in the language asked for")
    about: str = Field(description="How it is counted, in the language asked for")
    unit: str = Field(description="Unit of measure, empty if it has none")
    kind: Literal["number", "yes_no"]
    sources: list[str] = Field(description="Layers it is computed from")


class IndicatorList(BaseModel):
    """The indicators this study's results hold."""

    model_config = _with({"meta": _META, "total": 1, "items": [_INDICATOR]})
    meta: Meta
    total: int = Field(description="Indicators")
    items: list[IndicatorInfo]


class Commune(BaseModel):
    """A commune as of a date, with its indicators."""

    model_config = _with(_COMMUNE)
    code: str
    valid_on: date = Field(description="Date of the unit: code and date together are its key")
    name: str
    district: str | None
    population: float | None = Field(description="persons")
    is_gap: bool = Field(description="Whether it is on the gap list")
    indicators: Figures = Field(description="Indicator id -> value; units in /indicators; null is no data")


class CommuneList(Listing):
    """Communes."""

    model_config = _with({"meta": _META, **_PAGE, "items": [_COMMUNE]})
    items: list[Commune]


class Village(BaseModel):
    """A village with its indicators."""

    model_config = _with(_VILLAGE)
    code: str
    name: str
    unit_code: str | None = Field(description="Code of its commune")
    population: float | None = Field(description="persons")
    lon: float | None = Field(description="Longitude of the centre, degrees, WGS 84")
    lat: float | None = Field(description="Latitude of the centre, degrees, WGS 84")
    is_gap: bool = Field(description="Whether it is on the list of villages with gaps")
    indicators: Figures = Field(description="Indicator id -> value; units in /indicators; null is no data")


class VillageList(Listing):
    """Villages."""

    model_config = _with({"meta": _META, **_PAGE, "items": [_VILLAGE]})
    items: list[Village]


class Reason(BaseModel):
    """A rule that a commune or village fails, and by how much."""

    model_config = _with(_REASON)
    level: Literal["unit", "village", "province"]
    code: str = Field(description="Code of the commune or village")
    rule: str = Field(description="Id of the rule")
    indicator: str = Field(description="Indicator the rule judges")
    value: Value = Field(description="Its value")
    threshold: Value = Field(description="What the rule asks for")
    margin: float | None = Field(description="Value against threshold in the rule's unit; below 0 is short of it")
    unit: str = Field(description="Unit of value, threshold and margin")
    comparison: Literal[">=", "<="] | None = Field(description="How the value should stand to the threshold")
    basis: Literal["observed", "model", "record"] = Field(description="What the value rests on")
    people_affected: float | None = Field(description="persons")
    pack: str | None = Field(description="Rule pack it comes from")
    mark: str | None = Field(description="P published, C computed from it, K general knowledge")
    source: str | None = Field(description="Where the threshold comes from")
    override_reason: str | None = Field(description="Why this study uses another threshold; null if it does not")
    text: str = Field(description="The reason in the language asked for")


class CommuneDetail(BaseModel):
    """A commune with its reasons and villages."""

    model_config = _with({"meta": _META, **_COMMUNE, "reasons": [_REASON], "villages": [_VILLAGE]})
    meta: Meta
    code: str
    valid_on: date = Field(description="Date of the unit: code and date together are its key")
    name: str
    district: str | None
    population: float | None = Field(description="persons")
    is_gap: bool = Field(description="Whether it is on the gap list")
    indicators: Figures = Field(description="Indicator id -> value; units in /indicators; null is no data")
    reasons: list[Reason]
    villages: list[Village]


class Gap(BaseModel):
    """A commune that fails at least one rule."""

    model_config = _with(_GAP)
    rank: int = Field(description="1 is the greatest need")
    code: str
    valid_on: date = Field(description="Date of the unit")
    name: str
    district: str | None
    population: float | None = Field(description="persons")
    people_affected: float | None = Field(description="persons")
    reasons_count: int = Field(description="Rules it fails")
    need_index: float | None = Field(description="Composite need, 0-100")
    judged_weight_pct: float | None = Field(description="Share of the index's weight that could be judged, %")
    classes: list[str] = Field(description="mountainous, land_border, sea_border, island, ethnic_minority, programme")
    basis: list[str] = Field(description="What its reasons rest on: observed, model, record")
    gap_villages: int | None = Field(description="How many of its villages have gaps")
    reasons: list[Reason]


class GapList(Listing):
    """The gap list."""

    model_config = _with({"meta": _META, **_PAGE, "items": [_GAP]})
    items: list[Gap]


class GapDetail(BaseModel):
    """A commune of the gap list with its villages that have gaps."""

    model_config = _with({"meta": _META, "gap": _GAP, "villages": [_VILLAGE], "village_reasons": [_REASON]})
    meta: Meta
    gap: Gap
    villages: list[Village] = Field(description="Its villages with gaps")
    village_reasons: list[Reason] = Field(description="Their reasons")


class Target(BaseModel):
    """A provincial target: published, computed here, asked for, met or not."""

    model_config = _with(_TARGET)
    indicator: str = Field(description="Id of the provincial indicator")
    label: str = Field(description="Its name in the language asked for")
    published: float | None = Field(description="Published value")
    computed: float | None = Field(description="Value computed from the study's layers")
    unit: str = Field(description="Unit of measure")
    target: float | None = Field(description="What is asked for; null where nothing is")
    comparison: Literal[">=", "<="] | None = Field(description="How the value must stand to the target")
    met: Literal["yes", "no", "no_data"] | None = Field(description="Whether the computed value meets it")
    note: str | None = Field(description="Code of how the published value is to be read")
    note_text: str | None = Field(description="The same in words")
    source: str | None = Field(description="Where the published value comes from")
    rule: str | None = Field(description="Rule that asks for it")
    mark: str | None = Field(description="P published, C computed from it, K general knowledge")
    target_source: str | None = Field(description="Where the target comes from")
    override_reason: str | None = Field(description="Why this study uses another threshold; null if it does not")


class TargetList(BaseModel):
    """Provincial targets."""

    model_config = _with({"meta": _META, "total": 1, "items": [_TARGET]})
    meta: Meta
    total: int = Field(description="Targets")
    items: list[Target]


class PlanSite(BaseModel):
    """A proposed site."""

    model_config = _with(_SITE)
    rank: int = Field(description="Order of choice")
    candidate_id: str
    kind: str = Field(description="hilltop or village_centre")
    name: str | None = Field(description="Nearest village or commune")
    unit_code: str | None = Field(description="Commune it stands in")
    unit_name: str | None
    lon: float = Field(description="degrees, WGS 84")
    lat: float = Field(description="degrees, WGS 84")
    x_m: float | None = Field(description="Easting in the study's CRS, m")
    y_m: float | None = Field(description="Northing in the study's CRS, m")
    ground_elevation_m: float | None = Field(description="m")
    technology: str
    band_mhz: float | None = Field(description="MHz")
    height_m: float | None = Field(description="Antenna above ground, m")
    cost_vnd: float = Field(description="VND")
    people_new: float = Field(description="People newly covered by this site, after those before it, persons")
    people_new_cumulative: float | None = Field(description="persons")
    cost_cumulative_vnd: float | None = Field(description="VND")
    people_per_bn_vnd: float | None = Field(description="persons per billion VND")
    off_grid: bool | None = Field(description="Whether the nearest village has no grid power")
    border: bool | None = Field(description="Whether it stands in a land-border commune")


class PlanList(Listing):
    """The investment list."""

    model_config = _with({"meta": _META, **_PAGE, "items": [_SITE]})
    items: list[PlanSite]


class Server(BaseModel):
    """The sector that serves a point best."""

    model_config = _with(_LEVEL["server"])  # type: ignore[arg-type]
    sector_id: str
    site_id: str
    name: str | None
    lon: float | None = Field(description="degrees, WGS 84")
    lat: float | None = Field(description="degrees, WGS 84")
    distance_km: float | None = Field(description="From the point to the site, km")


class Level(BaseModel):
    """Best level of one technology and operator at a point, in the technology's own quantity."""

    model_config = _with(_LEVEL)
    technology: str
    operator: str | None = Field(description="null: the best of all operators")
    quantity: str = Field(description="RxLev, RSCP, RSRP or SS-RSRP")
    level_dbm: float | None = Field(description="dBm outdoors; null: no mast in range, or no data")
    usable_dbm: float | None = Field(description="Level that counts as usable, dBm")
    usable: bool | None = Field(description="Whether it is usable; null is no data")
    state: Literal["usable", "too_weak", "no_mast_in_range", "no_data"]
    server: Server | None


class PointCoverage(BaseModel):
    """Coverage at a point."""

    model_config = _with(
        {
            "meta": _META,
            "lon": 106.58,
            "lat": 16.73,
            "unit_code": "19429",
            "unit_name": "Hướng Phùng",
            "elevation_m": 512.0,
            "levels": [_LEVEL],
        }
    )
    meta: Meta
    lon: float = Field(description="degrees, WGS 84")
    lat: float = Field(description="degrees, WGS 84")
    unit_code: str = Field(description="Commune the point lies in")
    unit_name: str
    elevation_m: float | None = Field(description="Ground above sea level, m; null is no data")
    levels: list[Level] = Field(description="By technology: the best of all operators, then each operator")


class Export(BaseModel):
    """A file of the results."""

    model_config = _with(_EXPORT)
    name: str
    size_bytes: int = Field(description="bytes")
    media_type: str
    sha256: str = Field(description="SHA-256 of the file, hexadecimal; also its ETag")
    href: str = Field(description="Address of the file")


class ExportList(BaseModel):
    """Files to download."""

    model_config = _with({"meta": _META, "total": 1, "items": [_EXPORT]})
    meta: Meta
    total: int = Field(description="Files")
    items: list[Export]
