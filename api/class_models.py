"""Answers on classes: what is recorded of a commune or village, what the tests say, and why; and the whole commune."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from phusong.api import examples
from phusong.api.models import Commune, Listing, Meta, Reason, Village, example_of

ClassName = Literal["mountainous", "land_border", "sea_border", "island", "ethnic_minority", "programme", "remote"]
CLASS_NAMES: tuple[str, ...] = get_args(ClassName)
CLASS_ROW: dict[str, Any] = {
    "level": "unit",
    "code": "19429",
    "valid_on": "2012-12-31",
    "name": "Hướng Phùng",
    "class": "mountainous",
    "official": None,
    "computed": True,
    "used": True,
    "agree": None,
    "test": "mountainous_commune",
    "value": 96.4,
    "threshold": 66.667,
    "unit": "%",
    "derived": False,
    "hinges_on": None,
    "evidence": "Diện tích ở độ cao từ 200 m trở lên: 96,4 %, yêu cầu từ 2/3 trở lên.",
    "source": "Nghị định số 272/2025/NĐ-CP",
}


class ClassRow(BaseModel):
    """One class of one commune or village; null is not known."""

    model_config = example_of(CLASS_ROW) | {"populate_by_name": True}
    level: Literal["unit", "village"]
    code: str
    valid_on: date | None = Field(description="Date of the commune; null for a village")
    name: str
    class_name: ClassName = Field(alias="class")
    official: bool | None = Field(description="As the layer records it")
    computed: bool | None = Field(description="By the test")
    used: bool | None = Field(description="The recorded one, else the computed one")
    agree: bool | None = Field(description="Whether record and test agree; null where one is missing")
    test: str | None = Field(description="Id of the test, null where the class has none")
    value: float | None = Field(description="Value of the condition that decided, in unit")
    threshold: float | None = Field(description="What it asks, in unit")
    unit: str | None = Field(description="Code of the unit of measure")
    derived: bool = Field(description="Whether the computed verdict rests on ground derived from village centres")
    hinges_on: Literal["derived", "unknown"] | None = Field(
        description="derived: doubt about derived ground could change the verdict; unknown: villages not known could"
    )
    evidence: str = Field(description="What the computed verdict rests on, in words")
    source: str | None = Field(description="Where the class used comes from")


class ClassList(Listing):
    """Classes of communes and villages."""

    model_config = example_of({"meta": examples.META, **examples.PAGE, "items": [CLASS_ROW]})
    items: list[ClassRow]


class CommuneDetail(Commune):
    """A commune with its classes, reasons and villages."""

    model_config = example_of(
        {
            "meta": examples.META,
            **examples.COMMUNE,
            "classes": [CLASS_ROW],
            "reasons": [examples.REASON],
            "villages": [examples.VILLAGE],
        }
    )
    meta: Meta
    classes: list[ClassRow] = Field(description="Recorded, computed and used, with the evidence")
    reasons: list[Reason]
    villages: list[Village]
