"""The answer that explains one commune."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from phusong.api.models import Meta


class Said(BaseModel):
    """One statement: its code and parameters, and the sentence they make."""

    topic: Literal["summary", "missing", "villages", "cure", "ranking", "unknown", "where"]
    code: str = Field(description="Code of the statement, stable across languages", examples=["missing.reason"])
    rule: str | None = Field(description="Rule it speaks of", examples=["mobile_people"])
    places: list[str] = Field(description="Codes of villages, ids of sites that it names")
    after: bool = Field(description="It goes on about the statement before it")
    params: dict[str, Any] = Field(
        description="Its figures as {value, unit}, dates in ISO 8601, names, texts by language or by message code"
    )
    text: str = Field(description="The statement in the language asked for")


class Explanation(BaseModel):
    """Why a commune stands where it stands."""

    meta: Meta
    code: str
    name: str
    statements: list[Said]
    text: str = Field(description="All statements under the headings of their topics")
