"""What the API answers: one model each, with units in the field descriptions and an example the tests validate.

"No data" is null, never 0. Percent is 0-100. Positions are longitude and latitude in degrees, WGS 84.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from phusong.api import examples
from phusong.layers.messages import Lang

Value = float | bool | str | None
Figures = dict[str, Value]


def example_of(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a model of the API, with the example that stands in OpenAPI."""
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [example]})


class ProblemError(BaseModel):
    """One parameter that is not valid."""

    model_config = example_of(
        {"location": "query.limit", "code": "api.invalid.int_parsing", "message": "phải là số nguyên"}
    )
    location: str = Field(description="Where: the part of the request and its name, such as query.limit")
    code: str = Field(description="Stable code of the fault")
    message: str = Field(description="What is wrong, in the language asked for")


class Problem(BaseModel):
    """An error by RFC 9457 (application/problem+json)."""

    model_config = example_of(
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

    model_config = example_of(examples.DATED)
    as_of: list[date] = Field(description="Dates the rows speak of")
    sources: list[str] = Field(description="Where the rows come from")
    synthetic: bool = Field(description="Whether any row is generated")


class Meta(BaseModel):
    """What stands on every figure: the study, its date, whether it is synthetic, units, sources, and the method."""

    model_config = example_of(examples.META)
    study: str = Field(description="Name of the study")
    as_of: date = Field(description="Date of the administrative units")
    synthetic: bool = Field(description="True: the figures are generated, not observed")
    lang: Lang = Field(description="Language of the texts")
    units: dict[str, str] = Field(description="Unit of measure of each figure that has one")
    layers: dict[str, Dated] = Field(description="Input layers the figures rest on")
    people_methods: list[str] = Field(
        description="How people were placed inside communes: raster, dasymetric, uniform; empty before the first run"
    )


class Links(BaseModel):
    """Addresses of the neighbouring pages."""

    model_config = example_of(examples.PAGE["links"])
    self: str = Field(description="This page")
    first: str = Field(description="First page")
    prev: str | None = Field(description="Page before, null on the first")
    next: str | None = Field(description="Page after, null on the last")
    last: str = Field(description="Last page")


class Whole(BaseModel):
    """A list in one answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    meta: Meta
    total: int = Field(description="Rows of the list that pass the filters, on all pages")


class Listing(Whole):
    """A page of a list."""

    limit: int = Field(description="Most rows on a page")
    offset: int = Field(description="Rows before this page")
    links: Links


class Run(BaseModel):
    """The run that made the results."""

    model_config = example_of(examples.RUN)
    hash: str = Field(description="SHA-256 of run.json")
    started: str | None = Field(description="When it began, UTC")
    inputs: dict[str, str] = Field(description="SHA-256 of the content of each input")
    steps: dict[str, str] = Field(description="Key of each step: the hash of its inputs, parameters and code")
    versions: dict[str, str] = Field(description="Versions of the program and its libraries in that run")


class Health(BaseModel):
    """Whether there is something to serve, and what it was made from."""

    model_config = example_of(
        {
            "status": "ok",
            "study": "Quảng Trị 2012",
            "as_of": "2012-12-31",
            "synthetic": True,
            "version": "0.1.0",
            "lang": "vi",
            "run": examples.RUN,
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

    model_config = example_of(examples.LAYER["columns"][0])
    name: str
    kind: str = Field(description="text, number, integer, yes_no, date or word")
    unit: str = Field(description="Unit of measure, empty if it has none")
    required: bool = Field(description="Whether the layer must have it")
    about: str = Field(description="What it means")
    words: list[str] = Field(description="The closed list of words, for kind word")


class LayerInfo(BaseModel):
    """One input layer or raster."""

    model_config = example_of(examples.LAYER)
    name: str
    about: str = Field(description="What it holds")
    geometry: Literal["point", "line", "polygon", "any", "none", "raster"]
    rows: int | None = Field(description="Rows; null for rasters")
    as_of: list[date] = Field(description="Dates the rows speak of")
    sources: list[str] = Field(description="Where the rows come from")
    synthetic: bool = Field(description="Whether any row is generated")
    columns: list[ColumnInfo]


class LayerList(Whole):
    """The layers the study has."""

    model_config = example_of({"meta": examples.META, "total": 1, "items": [examples.LAYER]})
    items: list[LayerInfo]


class IndicatorInfo(BaseModel):
    """One declared indicator."""

    model_config = example_of(examples.INDICATOR)
    id: str = Field(description="Name in `indicators` of communes and villages")
    level: Literal["unit", "village", "province"]
    label: str = Field(description="Name in the language asked for")
    about: str = Field(description="How it is counted, in the language asked for")
    unit: str = Field(description="Unit of measure, empty if it has none")
    kind: Literal["number", "yes_no"]
    sources: list[str] = Field(description="Layers it is computed from")


class IndicatorList(Whole):
    """The indicators this study's results hold."""

    model_config = example_of({"meta": examples.META, "total": 1, "items": [examples.INDICATOR]})
    items: list[IndicatorInfo]


class Commune(BaseModel):
    """A commune as of a date, with its indicators."""

    model_config = example_of(examples.COMMUNE)
    code: str
    valid_on: date = Field(description="Date of the unit: code and date together are its key")
    name: str
    district: str | None
    population: float | None = Field(description="persons")
    is_gap: bool = Field(description="Whether it is on the gap list")
    indicators: Figures = Field(description="Indicator id -> value; units in /indicators; null is no data")


class CommuneList(Listing):
    """Communes."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [examples.COMMUNE]})
    items: list[Commune]


class Village(BaseModel):
    """A village with its indicators."""

    model_config = example_of(examples.VILLAGE)
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

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [examples.VILLAGE]})
    items: list[Village]


class Reason(BaseModel):
    """A rule that a commune or village fails, and by how much."""

    model_config = example_of(examples.REASON)
    level: Literal["unit", "village", "province"]
    code: str = Field(description="Code of the commune or village")
    rule: str = Field(description="Id of the rule")
    service: str | None = Field(description="mobile, post, broadband or facilities")
    indicator: str = Field(description="Indicator the rule judges")
    value: Value = Field(description="Its value")
    threshold: Value = Field(description="What the rule asks for")
    margin: float | None = Field(description="Value against threshold in the rule's unit; below 0 is short of it")
    unit: str = Field(description="Unit of value, threshold and margin")
    comparison: Literal[">=", "<=", ">", "<", "="] | None = Field(
        description="How the value should stand to the threshold"
    )
    basis: Literal["observed", "model", "record"] = Field(description="What the value rests on")
    observed_as_of: date | None = Field(description="Day of the newest report, where reports decided")
    people_affected: float | None = Field(description="persons")
    pack: str | None = Field(description="Rule pack it comes from")
    mark: str | None = Field(description="P published, C computed from it, K general knowledge")
    source: str | None = Field(description="Where the threshold comes from")
    standing: str | None = Field(description="Whether the threshold is official, unverified or a planner's assumption")
    document: str | None = Field(description="Document that asks it")
    article: str | None = Field(description="Where in the document")
    valid_from: date | None = Field(description="Since when it is asked; null is not limited")
    override_reason: str | None = Field(description="Why this study uses another threshold; null if it does not")
    text: str = Field(description="The reason in the language asked for")


class Gap(BaseModel):
    """A commune that fails at least one rule."""

    model_config = example_of(examples.GAP)
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
    classes: list[str] = Field(
        description="mountainous, land_border, sea_border, island, ethnic_minority, programme, remote"
    )
    basis: list[str] = Field(description="What its reasons rest on: observed, model, record")
    gap_villages: int | None = Field(description="How many of its villages have gaps")
    reasons: list[Reason]


class GapList(Listing):
    """The gap list."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [examples.GAP]})
    items: list[Gap]


class GapDetail(BaseModel):
    """A commune of the gap list with its villages that have gaps."""

    model_config = example_of(
        {
            "meta": examples.META,
            "gap": examples.GAP,
            "villages": [examples.VILLAGE],
            "village_reasons": [examples.REASON],
        }
    )
    meta: Meta
    gap: Gap
    villages: list[Village] = Field(description="Its villages with gaps")
    village_reasons: list[Reason] = Field(description="Their reasons")


class NotJudged(BaseModel):
    """A rule that could not be judged for a commune or village: neither a gap nor fine."""

    model_config = example_of(examples.NOT_JUDGED)
    level: Literal["unit", "village"]
    code: str = Field(description="Code of the commune or village")
    valid_on: date | None = Field(description="Date of the commune; null for villages")
    name: str
    rule: str = Field(description="Id of the rule")
    pack: str = Field(description="Rule pack it comes from")
    indicator: str = Field(description="Indicator the rule judges")
    why: Literal["no_data", "class_unknown"] = Field(description="What is not known: the indicator, or the class")


class NotJudgedList(Listing):
    """Rules that could not be judged."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [examples.NOT_JUDGED]})
    items: list[NotJudged]


class Compared(BaseModel):
    """What reports and the model say of the signal at one village's centre."""

    model_config = example_of(examples.COMPARED)
    code: str = Field(description="Code of the village")
    name: str
    unit_code: str | None = Field(description="Code of its commune")
    technology: str = Field(description="2G, 3G, 4G, 5G or any")
    observed: bool = Field(description="Whether the newest report says there is signal")
    model_level_dbm: float | None = Field(description="Computed level, dBm; -200: no mast in range; null: no data")
    model: bool | None = Field(description="Whether the model says there is signal; null is no data")
    agree: Literal["yes", "no"] | None = Field(
        description="Whether both say the same; null where the model says nothing"
    )


class ComparisonList(Listing):
    """Reports against the model."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [examples.COMPARED]})
    items: list[Compared]


class PlanSite(BaseModel):
    """A proposed site."""

    model_config = example_of(examples.SITE)
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

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [examples.SITE]})
    items: list[PlanSite]


class Server(BaseModel):
    """The sector that serves a point best."""

    model_config = example_of(examples.LEVEL["server"])
    sector_id: str
    site_id: str
    name: str | None
    lon: float | None = Field(description="degrees, WGS 84")
    lat: float | None = Field(description="degrees, WGS 84")
    distance_km: float | None = Field(description="From the point to the site, km")


class Level(BaseModel):
    """Best level of one technology and operator at a point, in the technology's own quantity."""

    model_config = example_of(examples.LEVEL)
    technology: str
    operator: str | None = Field(description="null: the operator whose level is most above what is asked of it")
    quantity: str = Field(description="RxLev, RSCP, RSRP or SS-RSRP")
    level_dbm: float | None = Field(description="dBm outdoors; null: no mast in range, or no data")
    usable_dbm: float | None = Field(description="Level that its server must bring to be usable, dBm")
    usable: bool | None = Field(description="Whether it is usable; null is no data")
    state: Literal["usable", "too_weak", "no_mast_in_range", "no_data"]
    server: Server | None


class PointCoverage(BaseModel):
    """Coverage at a point."""

    model_config = example_of(
        {
            "meta": examples.META,
            "lon": 106.58,
            "lat": 16.73,
            "unit_code": "19429",
            "unit_name": "Hướng Phùng",
            "elevation_m": 512.0,
            "levels": [examples.LEVEL],
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

    model_config = example_of(examples.EXPORT)
    name: str
    size_bytes: int = Field(description="bytes")
    media_type: str
    sha256: str = Field(description="SHA-256 of the file, hexadecimal; also its ETag")
    href: str = Field(description="Address of the file")


class ExportList(Whole):
    """Files to download."""

    model_config = example_of({"meta": examples.META, "total": 1, "items": [examples.EXPORT]})
    items: list[Export]
