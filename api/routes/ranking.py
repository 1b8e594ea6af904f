"""The order of communes by need, and how sure it is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from phusong.api.labels import unit_words
from phusong.api.ranking_models import CHOICES, Ranked, RankingAbout, RankingList
from phusong.api.results import Row
from phusong.api.routes.communes import Q_ABOUT
from phusong.api.search import named, page_of, same_text
from phusong.api.served import AskedPage, RetryingRoute, TheLang, TheResults, TheStudy, problems
from phusong.layers.errors import MissingError
from phusong.layers.messages import say

router = APIRouter(tags=["gaps"], route_class=RetryingRoute)

UNITS = {"need_index": "of_100", "in_first_pct": "%"}
_YES_NO = {"yes": True, "no": False}


class AskedRanking(AskedPage):
    """Which communes."""

    district: str | None = Field(None, max_length=200, description="Name of the district, with or without tones")
    q: str | None = Field(None, max_length=200, description=Q_ABOUT)
    depends: bool | None = Field(None, description="Only those whose place among the first N depends on a choice")
    choice: CHOICES | None = Field(None, description="Only those whose place depends on this choice")


@router.get("/ranking", summary=say("api.route.ranking", "en"), responses=problems(404))
def ranking(
    asked: Annotated[AskedRanking, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> RankingList:
    """Places by the declared choices with the interval of 5 to 95 % of the draws, and the choices they depend on."""
    told = results.facts("ranking.json")
    if not told:
        raise MissingError("api.no_such_result", name="ranking.json")
    rows = [_ranked(row) for row in results.rows("ranking.parquet") if _chosen(row, asked)]
    page, about = page_of(named(rows, asked.q), request, limit=asked.limit, offset=asked.offset)
    return RankingList(
        meta=study.meta(lang, units={name: unit_words(unit, lang) for name, unit in UNITS.items()}),
        about=RankingAbout(**{name: told[name] for name in RankingAbout.model_fields}),
        items=[Ranked(**row) for row in page],
        **about,
    )


def _chosen(row: Row, asked: AskedRanking) -> bool:
    return (
        (asked.district is None or same_text(row["district"], asked.district))
        and (asked.depends is None or row["depends"] == ("yes" if asked.depends else "no"))
        and (asked.choice is None or asked.choice in (row["depends_on"] or "").split(";"))
    )


def _ranked(row: Row) -> Row:
    own = {name: row[name] for name in Ranked.model_fields}
    words = [word for word in (row["depends_on"] or "").split(";") if word]
    return own | {"depends": _YES_NO.get(row["depends"]), "depends_on": words}
