"""Targets of the province and its districts, the districts' indicators, and progress at several dates."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from phusong.api.labels import indicator_name, measure
from phusong.api.results import Row
from phusong.api.search import page_of, same_text
from phusong.api.served import AskedPage, RetryingRoute, TheLang, TheResults, TheStudy, problems
from phusong.api.target_models import (
    DatedValue,
    District,
    DistrictList,
    Pace,
    Progress,
    ProgressList,
    Target,
    TargetList,
)
from phusong.layers.messages import Lang, has, say

router = APIRouter(tags=["gaps"], route_class=RetryingRoute)


class AskedAreas(AskedPage):
    """Which areas and indicators."""

    level: Literal["province", "district"] | None = Field(None, description="Only the province, or only districts")
    district: str | None = Field(None, max_length=200, description="Name of a district, with or without tones")
    indicator: str | None = Field(None, max_length=100, description="Only this indicator, by id")


class AskedTargets(AskedAreas):
    """Which targets."""

    met: Literal["yes", "no", "no_data"] | None = Field(None, description="Only targets that are met, or not")


@router.get("/targets", summary=say("api.route.targets", "en"), responses=problems())
def targets(
    asked: Annotated[AskedTargets, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> TargetList:
    """Published and computed values side by side; ``met`` judges the computed one, ``met_published`` the other."""
    rows = [row for row in results.targets if _fits(row, asked) and asked.met in (None, row["met"])]
    page, about = page_of(rows, request, limit=asked.limit, offset=asked.offset)
    items = [_target(row, lang) for row in page]
    units = {item.indicator: item.unit for item in items if item.unit}
    return TargetList(meta=study.meta(lang, units=units), items=items, **about)


@router.get("/districts", summary=say("api.route.districts", "en"), responses=problems())
def districts(
    asked: Annotated[AskedPage, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> DistrictList:
    """The province's indicators for each district: counted over its communes, never a mean of their means."""
    page, about = page_of(results.districts, request, limit=asked.limit, offset=asked.offset)
    items = [District(**row) for row in page]
    units = {name: measure(name, lang) for item in items for name in item.indicators}
    return DistrictList(meta=study.meta(lang, units=units), items=items, **about)


@router.get("/progress", summary=say("api.route.progress", "en"), responses=problems())
def progress(
    asked: Annotated[AskedAreas, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> ProgressList:
    """Values at several dates, the pace so far and the pace needed, and a forecast from six dates on."""
    values: dict[tuple[str | None, str], list[Row]] = {}
    for row in results.progress:
        if _fits(row, asked):
            values.setdefault((row["area"], row["indicator"]), []).append(row)
    paces: dict[tuple[str | None, str], list[Row]] = {}
    for row in results.pace:
        paces.setdefault((row["area"], row["indicator"]), []).append(row)
    rows = [{"area": area, "indicator": name, "values": own} for (area, name), own in values.items()]
    page, about = page_of(rows, request, limit=asked.limit, offset=asked.offset)
    items = [
        Progress(
            level="district" if row["area"] else "province",
            area=row["area"],
            indicator=row["indicator"],
            label=indicator_name(row["indicator"], lang),
            unit=measure(row["indicator"], lang),
            values=[DatedValue(**_only(one, DatedValue)) for one in row["values"]],
            pace=[Pace(**_only(one, Pace)) for one in paces.get((row["area"], row["indicator"]), [])],
        )
        for row in page
    ]
    units = {item.indicator: item.unit for item in items if item.unit}
    return ProgressList(meta=study.meta(lang, units=units), items=items, **about)


def _fits(row: Row, asked: AskedAreas) -> bool:
    return (
        asked.level in (None, row["level"])
        and asked.indicator in (None, row["indicator"])
        and (asked.district is None or same_text(row["area"], asked.district))
    )


def _target(row: Row, lang: Lang) -> Target:
    note = f"note.{row['note']}"
    words = {
        "label": indicator_name(row["indicator"], lang),
        "unit": measure(row["indicator"], lang),
        "note_text": say(note, lang) if has(note) else None,
        "build_text": row[f"build_{lang}"],
    }
    return Target(**{**_only(row, Target), **words})


def _only(row: Row, model: type[BaseModel]) -> Row:
    """The fields of a model as the row has them under their names in the answer."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    return {name: row.get(name) for name in names}
