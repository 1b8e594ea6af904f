"""Classes of communes and villages: recorded, computed, used, with the evidence."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field

from phusong.api.class_models import ClassList, ClassName
from phusong.api.labels import CLASSES_FILE, class_row
from phusong.api.results import Row
from phusong.api.routes.communes import Q_ABOUT
from phusong.api.search import named, page_of
from phusong.api.served import AskedPage, RetryingRoute, TheLang, TheResults, TheStudy, problems
from phusong.layers.errors import MissingError
from phusong.layers.messages import say

router = APIRouter(tags=["communes"], route_class=RetryingRoute)


class AskedClasses(AskedPage):
    """Which places, which classes."""

    level: Literal["unit", "village"] | None = Field(None, description="Only communes (unit), or only villages")
    class_name: ClassName | None = Field(None, alias="class", description="Only this class")
    code: str | None = Field(None, max_length=64, description="Only this commune or village")
    q: str | None = Field(None, max_length=200, description=Q_ABOUT)
    used: bool | None = Field(None, description="Only those that are of the class (or are not)")
    agree: bool | None = Field(None, description="Only where record and test agree (or disagree)")
    hinges_on: Literal["derived", "unknown"] | None = Field(None, description="Only verdicts that hinge on this")


@router.get("/classes", summary=say("api.route.classes", "en"), responses=problems(404))
def classes(
    asked: Annotated[AskedClasses, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> ClassList:
    """A row a commune and class, and a village and class that it has a record or a verdict of its own for."""
    if not results.has(CLASSES_FILE):
        raise MissingError("api.no_such_result", name=CLASSES_FILE)
    rows = [row for row in results.rows(CLASSES_FILE) if _chosen(row, asked)]
    page, about = page_of(named(rows, asked.q), request, limit=asked.limit, offset=asked.offset)
    return ClassList(meta=study.meta(lang), items=[class_row(row, lang) for row in page], **about)


def _chosen(row: Row, asked: AskedClasses) -> bool:
    return (
        (asked.level is None or row["level"] == asked.level)
        and (asked.class_name is None or row["class"] == asked.class_name)
        and (asked.code is None or row["code"] == asked.code)
        and (asked.used is None or row["used"] is asked.used)
        and (asked.agree is None or row["agree"] == ("yes" if asked.agree else "no"))
        and (asked.hinges_on is None or row["hinges_on"] == asked.hinges_on)
    )
