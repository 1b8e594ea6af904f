"""Villages with gaps, and how many people gaps affect."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field

from phusong.api.gap_models import GapTotal, GapTotalList, GapVillage, GapVillageList, State
from phusong.api.labels import reason_models, unit_words
from phusong.api.results import Row, Snapshot
from phusong.api.routes.communes import Q_ABOUT
from phusong.api.search import named, page_of, same_text
from phusong.api.served import Asked, AskedPage, RetryingRoute, TheLang, TheResults, TheStudy, problems
from phusong.layers.messages import Lang, say

router = APIRouter(tags=["gaps"], route_class=RetryingRoute)

UNITS = {
    "population": "persons",
    "people_affected": "persons",
    "nearest_covered_village_km": "km",
    "nearest_site_km": "km",
}


class AskedGapVillages(AskedPage):
    """Which villages with gaps."""

    state: State | None = Field(None, description="Only villages with this state of signal")
    unit_code: str | None = Field(None, max_length=64, description="Only villages of this commune")
    district: str | None = Field(None, max_length=200, description="Name of the district, with or without tones")
    operator: str | None = Field(None, max_length=200, description="Only where this operator has signal at the centre")
    grid_power: bool | None = Field(None, description="Only with, or without, power from the grid")
    rule: str | None = Field(None, max_length=100, description="Only villages that fail this rule")
    basis: Literal["observed", "model", "record"] | None = Field(None, description="What the gap rests on")
    min_people: float | None = Field(None, ge=0, allow_inf_nan=False, description="Fewest people affected, persons")
    q: str | None = Field(None, max_length=200, description=Q_ABOUT)


@router.get("/gap-villages", summary=say("api.route.gap_villages", "en"), responses=problems())
def gap_villages(
    asked: Annotated[AskedGapVillages, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> GapVillageList:
    """Each village with its state of signal, by report and by model, the nearest village with signal and the nearest
    site, and its reasons in words."""
    chosen = [row for row in named(results.gap_villages, asked.q) if _fits(row, asked, results)]
    page, about = page_of(chosen, request, limit=asked.limit, offset=asked.offset)
    units = {name: unit_words(unit, lang) for name, unit in UNITS.items()}
    return GapVillageList(
        meta=study.meta(lang, units=units), items=[_model(row, results, lang) for row in page], **about
    )


@router.get("/gap-totals", summary=say("api.route.gap_totals", "en"), responses=problems())
def gap_totals(asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> GapTotalList:
    """Communes, villages and people affected, of all services and of each, in the province and in each district."""
    items = [
        GapTotal.model_validate({name: row.get(name) for name in GapTotal.model_fields} | _none_for_all(row))
        for row in results.gap_totals
    ]
    units = {"people_affected": unit_words("persons", lang)}
    return GapTotalList(meta=study.meta(lang, units=units), total=len(items), items=items)


def _none_for_all(row: Row) -> Row:
    return {name: row[name] or None for name in ("district", "service")}


def _fits(row: Row, asked: AskedGapVillages, results: Snapshot) -> bool:
    people = row.get("people_affected")
    return (
        asked.state in (None, row.get("signal_state"))
        and asked.unit_code in (None, row.get("unit_code"))
        and (asked.district is None or same_text(row.get("district"), asked.district))
        and (asked.operator is None or any(same_text(name, asked.operator) for name in _names(row) or ()))
        and asked.grid_power in (None, row.get("grid_power"))
        and (asked.basis is None or asked.basis in (row.get("basis") or "").split(";"))
        and (asked.min_people is None or (people is not None and people >= asked.min_people))
        and (
            asked.rule is None
            or any(reason["rule"] == asked.rule for reason in results.reasons.get(("village", row["code"]), []))
        )
    )


def _names(row: Row) -> list[str] | None:
    """The operators at the centre; None where they are not known."""
    return None if row.get("operators_count") is None else [n for n in (row.get("operators") or "").split(";") if n]


def _model(row: Row, results: Snapshot, lang: Lang) -> GapVillage:
    own = {name: row.get(name) for name in GapVillage.model_fields}
    lists = {name: [word for word in (row.get(name) or "").split(";") if word] for name in ("classes", "basis")}
    place = results.village_places.get(row["code"], (None, None))
    return GapVillage.model_validate(
        own
        | lists
        | {"lon": place[0], "lat": place[1], "operators": _names(row)}
        | {name: row.get(name) or None for name in ("signal_state", "clusters_basis")}
        | {"reasons": reason_models(results, "village", [row["code"]], lang)}
    )
