"""What the API answers of targets, districts and progress; no data is null, dates are days."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from phusong.api import examples
from phusong.api.models import Figures, Listing, example_of

Comparison = Literal[">=", ">", "<=", "<", "="]
Met = Literal["yes", "no", "no_data"]
Area = Literal["province", "district"]

TARGET: dict[str, Any] = {
    "level": "province",
    "area": None,
    "indicator": "mean_service_radius_post_km",
    "label": "Bán kính phục vụ bình quân một điểm",
    "published": 3.16,
    "published_as_of": "2012-12-31",
    "computed": 3.11,
    "unit": "km",
    "target": 2.3,
    "comparison": "<=",
    "met": "no",
    "met_published": "no",
    "distance": 0.81,
    "build_count": 130,
    "build_unit": "points",
    "build_text": "thêm 130 điểm phục vụ bưu chính",
    "have": 156.0,
    "base": 4740.0,
    "note": "inconsistent_area",
    "note_text": "số công bố dùng diện tích khác",
    "source": "127-BC/TU",
    "rule": "target_service_radius",
    "asked_of": "province",
    "standing": "official",
    "document": "08-NQ/TU",
    "article": None,
    "mark": "P",
    "target_source": "08-NQ/TU",
    "override_reason": None,
}
DISTRICT: dict[str, Any] = {"district": "Đakrông", "indicators": {"points_post_count": 14, "area_km2": 1180.0}}
VALUE: dict[str, Any] = {
    "as_of": "2012-12-31",
    "value": 3.77,
    "basis": "published",
    "note": None,
    "source": "127-BC/TU",
}
PACE: dict[str, Any] = {
    "basis": "computed",
    "dates": 6,
    "from": "2007-12-31",
    "to": "2012-12-31",
    "first_value": 1.38,
    "value": 3.77,
    "pace_per_year": 0.48,
    "needed_per_year": None,
    "on_pace": None,
    "target": None,
    "comparison": None,
    "target_on": "2015-12-31",
    "reaches_on": None,
    "method": "saturating",
    "saturation": 30.0,
    "forecast": 6.5,
    "low": 5.8,
    "high": 7.2,
    "interval_pct": 95.0,
    "rule": None,
    "asked_of": None,
}
PROGRESS: dict[str, Any] = {
    "level": "province",
    "area": None,
    "indicator": "broadband_per_100",
    "label": "Thuê bao băng rộng trên 100 dân",
    "unit": "trên 100 dân",
    "values": [VALUE],
    "pace": [PACE],
}


class Target(BaseModel):
    """A target of the province or a district: published, computed here, asked for, met or not, what must be built."""

    model_config = example_of(TARGET)
    level: Area = Field(description="Of the province or of a district")
    area: str | None = Field(description="Name of the district; null for the province")
    indicator: str = Field(description="Id of the indicator")
    label: str = Field(description="Its name in the language asked for")
    published: float | None = Field(description="Newest published value")
    published_as_of: date | None = Field(description="Its date")
    computed: float | None = Field(description="Value computed from the study's layers")
    unit: str = Field(description="Unit of measure")
    target: float | None = Field(description="What is asked for; null where nothing is")
    comparison: Comparison | None = Field(description="How the value must stand to the target")
    met: Met | None = Field(description="Whether the computed value meets it")
    met_published: Met | None = Field(description="Whether the published value does; null without one")
    distance: float | None = Field(description="What the computed value lacks, in the unit; 0 where the target is met")
    build_count: int | None = Field(description="How many must be added for the target to be met")
    build_unit: str | None = Field(description="Of what: points, communes, subscribers, facilities, people, ...")
    build_text: str | None = Field(description="The same in words")
    have: float | None = Field(description="How many there are")
    base: float | None = Field(description="What they are divided by: km2, people, communes that say, ...")
    note: str | None = Field(description="Code of how the published value is to be read")
    note_text: str | None = Field(description="The same in words")
    source: str | None = Field(description="Where the published value comes from")
    rule: str | None = Field(description="Rule that asks for it")
    asked_of: Area | None = Field(description="Whose target it is: a district shows the province's for information")
    standing: Literal["official", "unverified", "assumption"] | None = Field(description="Standing of the threshold")
    document: str | None = Field(description="Document that asks for it")
    article: str | None = Field(description="Where in it")
    mark: str | None = Field(description="P published, C computed from it, K general knowledge")
    target_source: str | None = Field(description="Where the target comes from")
    override_reason: str | None = Field(description="Why this study uses another threshold; null if it does not")


class TargetList(Listing):
    """Targets of the province, then of each district."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [TARGET]})
    items: list[Target]


class District(BaseModel):
    """A district with the indicators of the province, counted over its communes."""

    model_config = example_of(DISTRICT)
    district: str = Field(description="Its name")
    indicators: Figures = Field(description="Value of each indicator by id; null: no data")


class DistrictList(Listing):
    """Districts; empty where the communes name none."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [DISTRICT]})
    items: list[District]


class DatedValue(BaseModel):
    """A value of a day."""

    model_config = example_of(VALUE)
    as_of: date = Field(description="Its day")
    value: float = Field(description="In the indicator's unit")
    basis: Literal["published", "computed"] = Field(description="Printed, or computed from the study's layers")
    note: str | None = Field(description="Code of how a published value is to be read")
    source: str | None = Field(description="Where a published value comes from")


class Pace(BaseModel):
    """The pace of an indicator to one target, or without one, and what to expect."""

    model_config = {**example_of(PACE), "populate_by_name": True}
    basis: Literal["published", "computed"] = Field(description="Which values it rests on")
    dates: int = Field(description="How many of them")
    first_on: date = Field(alias="from", description="Day of the first")
    last_on: date = Field(alias="to", description="Day of the last")
    first_value: float
    value: float = Field(description="The last value")
    pace_per_year: float | None = Field(description="So far, unit a year")
    needed_per_year: float | None = Field(description="To meet the target in time; 0 where it is met")
    on_pace: Literal["yes", "no"] | None = Field(description="Whether the pace so far is enough")
    target: float | None
    comparison: Comparison | None
    target_on: date | None = Field(description="Day by which the target is to be met, and of the forecast")
    reaches_on: date | None = Field(description="Since when it is met, or when it would be; null where never")
    method: Literal["straight", "saturating"] | None = Field(
        description="straight: goes on as so far; saturating: growth to the saturation"
    )
    saturation: float | None = Field(description="The most the indicator can be")
    forecast: float | None = Field(description="Value expected on target_on")
    low: float | None = Field(description="Lower end of the prediction interval")
    high: float | None = Field(description="Its upper end")
    interval_pct: float | None = Field(description="How sure the interval is, %")
    rule: str | None = Field(description="Rule that asks for the target")
    asked_of: Area | None = Field(description="Whose target it is")


class Progress(BaseModel):
    """Every dated value of an indicator of the province or a district, and its pace."""

    model_config = example_of(PROGRESS)
    level: Area
    area: str | None = Field(description="Name of the district; null for the province")
    indicator: str = Field(description="Id of the indicator")
    label: str = Field(description="Its name in the language asked for")
    unit: str = Field(description="Unit of measure")
    values: list[DatedValue] = Field(description="By basis, then day")
    pace: list[Pace] = Field(description="One a target; empty with one date and no target")


class ProgressList(Listing):
    """Indicators with their dated values."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [PROGRESS]})
    items: list[Progress]
