"""One statement: a message code with its figures, dates and names, said in either language; no prose in code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from phusong.layers.messages import Lang, Text, say
from phusong.layers.messages.format import day, quantity

Topic = Literal["summary", "missing", "villages", "cure", "ranking", "unknown", "where"]
TOPICS: tuple[Topic, ...] = ("summary", "missing", "villages", "cure", "ranking", "unknown", "where")


@dataclass(frozen=True)
class Amount:
    """A figure with its unit of measure ("" for a bare count), written with at most ``most`` decimals."""

    value: float | None
    unit: str = ""
    most: int = 1

    def say(self, lang: Lang) -> str:
        """The figure as the language writes it."""
        return quantity(self.value, self.unit, lang, most=self.most)


@dataclass(frozen=True)
class Words:
    """A text that exists in both languages already, such as a rule's own sentence."""

    texts: Mapping[str, str]

    def say(self, lang: Lang) -> str:
        """The text of the language."""
        return self.texts[lang]


@dataclass(frozen=True)
class Several:
    """Names or texts in a row; of more than ``most`` the others are counted."""

    items: tuple[str | Text | Amount | Words | date, ...]
    most: int = 6

    def say(self, lang: Lang) -> str:
        """The first ones, and how many more."""
        said = ", ".join(said_of(item, lang) for item in self.items[: self.most])
        left = len(self.items) - self.most
        return said if left <= 0 else say("explain.and_more", lang, said=said, count=left)


Param = str | int | date | Amount | Words | Several | Text


@dataclass(frozen=True)
class Statement:
    """One thing known of a commune.

    ``code``: message ``explain.<code>``. ``rule``: id of the rule it speaks of, "" for none. ``places``: codes of the
    villages, ids of the sites it names. ``after``: it goes on about the statement before it.
    """

    topic: Topic
    code: str
    params: Mapping[str, Param] = field(default_factory=dict)
    rule: str = ""
    places: tuple[str, ...] = ()
    after: bool = False

    def say(self, lang: Lang) -> str:
        """The statement as a sentence."""
        text = say(f"explain.{self.code}", lang, **{name: said_of(value, lang) for name, value in self.params.items()})
        return text[:1].upper() + text[1:]

    def plain(self) -> dict[str, Any]:
        """The parameters as JSON's types: figures as {"value", "unit"}, dates in ISO 8601, texts by language."""
        return {name: _plain(value) for name, value in self.params.items()}


def said_of(value: Param, lang: Lang) -> str:
    """A parameter in words; a name stands as it is."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return quantity(value, "", lang)
    if isinstance(value, date):
        return day(value, lang)
    return value.say(lang)


def _plain(value: Param) -> Any:
    if isinstance(value, Amount):
        return {"value": value.value, "unit": value.unit}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Words):
        return dict(value.texts)
    if isinstance(value, Several):
        return [_plain(item) for item in value.items]
    if isinstance(value, Text):
        return value.code
    return value
