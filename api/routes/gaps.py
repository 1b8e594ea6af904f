"""The gap list and the investment list."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from phusong.api.class_models import ClassName
from phusong.api.labels import reason_models, unit_words
from phusong.api.models import (
    Compared,
    ComparisonList,
    Gap,
    GapDetail,
    GapList,
    NotJudged,
    NotJudgedList,
    PlanList,
    PlanSite,
    Village,
)
from phusong.api.results import Row, Snapshot
from phusong.api.routes.communes import GEO_EXAMPLE, GEO_JSON, Q_ABOUT, Code, feature_collection
from phusong.api.search import named, page_of, same_text
from phusong.api.served import Asked, AskedPage, RetryingRoute, TheLang, TheResults, TheStudy, problems
from phusong.layers.errors import MissingError
from phusong.layers.messages import Lang, say

router = APIRouter(tags=["gaps"], route_class=RetryingRoute)

GAP_UNITS = {"population": "persons", "people_affected": "persons", "need_index": "of_100"}
PLAN_UNITS = {
    "lon": "degrees",
    "lat": "degrees",
    "x_m": "m",
    "y_m": "m",
    "ground_elevation_m": "m",
    "band_mhz": "MHz",
    "height_m": "m",
    "cost_vnd": "VND",
    "people_new": "persons",
    "people_new_cumulative": "persons",
    "cost_cumulative_vnd": "VND",
    "people_per_bn_vnd": "persons_per_bn_vnd",
}


class AskedGapShapes(Asked):
    """Which gaps."""

    unit_class: ClassName | None = Field(None, alias="class", description="Only communes of this class")
    rule: str | None = Field(None, max_length=100, description="Only communes that fail this rule")
    basis: Literal["observed", "model", "record"] | None = Field(None, description="What the gap rests on")
    min_people: float | None = Field(None, ge=0, allow_inf_nan=False, description="Fewest people affected, persons")
    district: str | None = Field(None, max_length=200, description="Name of the district, with or without tones")
    q: str | None = Field(None, max_length=200, description=Q_ABOUT)


class AskedNotJudged(AskedPage):
    """Which rules that could not be judged."""

    level: Literal["unit", "village"] | None = Field(None, description="Communes or villages only")
    rule: str | None = Field(None, max_length=100, description="This rule only")
    code: str | None = Field(None, max_length=64, description="This commune or village only")


class AskedComparison(AskedPage):
    """Which comparisons."""

    agree: Literal["yes", "no"] | None = Field(None, description="Only where both say the same, or only where not")


class AskedGaps(AskedGapShapes, AskedPage):
    """Which gaps, on which page."""


@router.get("/gaps", summary=say("api.route.gaps", "en"), responses=problems())
def gaps(
    asked: Annotated[AskedGaps, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> GapList:
    """Each gap with its reasons in words, its margins, and whether it rests on reports or on the model."""
    page, about = page_of(_chosen(results, asked), request, limit=asked.limit, offset=asked.offset)
    items = [_gap(row, results, lang) for row in page]
    return GapList(meta=study.meta(lang, units=_words(GAP_UNITS, lang)), items=items, **about)


@router.get(
    "/gaps.geojson",
    summary=say("api.route.gaps_geojson", "en"),
    response_class=Response,
    responses={**problems(), 200: {"content": {GEO_JSON: {"example": GEO_EXAMPLE}}}},
)
def gaps_geojson(
    asked: Annotated[AskedGapShapes, Query()], study: TheStudy, results: TheResults, lang: TheLang
) -> Response:
    """All gap communes that pass the filters; ``reasons`` holds one sentence a reason."""
    rows = []
    for row in _chosen(results, asked):
        gap = _gap(row, results, lang)
        rows.append({**gap.model_dump(mode="json"), "reasons": [reason.text for reason in gap.reasons]})
    return feature_collection(rows, results, study.meta(lang, units=_words(GAP_UNITS, lang)), lang)


@router.get("/gaps/{code}", summary=say("api.route.gap", "en"), responses=problems(404))
def gap(code: Code, asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> GapDetail:
    """Why a commune is on the list, and which of its villages have gaps."""
    row = next((row for row in results.gaps if row["code"] == code), None)
    if row is None:
        known = code in results.communes_by_code
        raise MissingError("api.no_gap" if known else "api.no_unit", unit_code=code)
    villages = [village for village in results.villages_by_unit.get(code, []) if village["is_gap"]]
    return GapDetail(
        meta=study.meta(lang, units=_words(GAP_UNITS, lang)),
        gap=_gap(row, results, lang),
        villages=[Village(**village) for village in villages],
        village_reasons=reason_models(results, "village", [village["code"] for village in villages], lang),
    )


@router.get("/not-judged", summary=say("api.route.not_judged", "en"), responses=problems())
def not_judged(
    asked: Annotated[AskedNotJudged, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> NotJudgedList:
    """No data is neither a gap nor fine: these communes and villages wait for data."""
    rows = [
        row
        for row in results.not_judged
        if asked.level in (None, row["level"])
        and asked.rule in (None, row["rule"])
        and asked.code in (None, row["code"])
    ]
    page, about = page_of(rows, request, limit=asked.limit, offset=asked.offset)
    items = [NotJudged(**_only(row, NotJudged)) for row in page]
    return NotJudgedList(meta=study.meta(lang), items=items, **about)


@router.get("/comparison", summary=say("api.route.comparison", "en"), responses=problems())
def comparison(
    asked: Annotated[AskedComparison, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> ComparisonList:
    """Where both exist the report decides; where they differ, the model deserves a second look."""
    rows = [row for row in results.comparison if asked.agree in (None, row["agree"])]
    page, about = page_of(rows, request, limit=asked.limit, offset=asked.offset)
    items = [Compared(**_only(row, Compared)) for row in page]
    return ComparisonList(meta=study.meta(lang, units={"model_level_dbm": "dBm"}), items=items, **about)


@router.get("/plan", summary=say("api.route.plan", "en"), responses=problems())
def plan(
    asked: Annotated[AskedPage, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> PlanList:
    """Proposed sites under the budget: cost, people newly covered, people per billion VND."""
    page, about = page_of(results.plan, request, limit=asked.limit, offset=asked.offset)
    items = [PlanSite(**_only(row, PlanSite)) for row in page]
    return PlanList(meta=study.meta(lang, units=_words(PLAN_UNITS, lang)), items=items, **about)


def _chosen(results: Snapshot, asked: AskedGapShapes) -> list[Row]:
    def fits(row: Row) -> bool:
        people = row.get("people_affected")
        return (
            (asked.unit_class is None or asked.unit_class in row["classes"])
            and (asked.basis is None or asked.basis in row["basis"])
            and (asked.min_people is None or (people is not None and people >= asked.min_people))
            and (asked.district is None or same_text(row.get("district"), asked.district))
            and (
                asked.rule is None
                or any(reason["rule"] == asked.rule for reason in results.reasons.get(("unit", row["code"]), []))
            )
        )

    return [row for row in named(results.gaps, asked.q) if fits(row)]


def _gap(row: Row, results: Snapshot, lang: Lang) -> Gap:
    return Gap(**{**_only(row, Gap), "reasons": reason_models(results, "unit", [row["code"]], lang)})


def _words(units: dict[str, str], lang: Lang) -> dict[str, str]:
    return {name: unit_words(unit, lang) for name, unit in units.items()}


def _only(row: Row, model: type[BaseModel]) -> Row:
    """The fields of a model that the row has; the others are no data."""
    return {name: row.get(name) for name in model.model_fields}
