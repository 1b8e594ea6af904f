"""What kind of figure a column holds decides how it goes from the units of one date to those of another.

=========================  =============================================================================================
extensive                  people, subscribers: shared out by the people in each part, summed
extensive:area             hectares: shared out by area
places                     masts, post offices: whole units are summed; in which part of a split one they stand is not
                           known
intensive:DENOMINATOR      a rate: the mean weighted by its own denominator, which is people, area or a column
ratio:A/B, radius:A/B      computed anew from two columns: A / B, and sqrt(A / (pi B)), the mean service radius
flag:any                   yes where some place of the unit has it: yes if one whole part has it, no if none has
flag:all                   yes where every place has it: yes if every part has it, no if one whole part has not
flag:majority              as more than half of the unit's people (or villages, area)
flag:agree                 as its parts, if they agree
same                       text, words, dates: kept if all parts agree
drop                       left out
=========================  =============================================================================================
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from phusong.layers.errors import InputError

_FORM = re.compile(
    r"extensive(:people|:area)?|places|same|drop|intensive:[^/:]+|(ratio|radius):[^/:]+/[^/:]+|flag:(any|all|majority|agree)"
)
PEOPLE = ("people", "population")
"""Columns that hold the persons of a unit: the denominator "people" of rates."""


@dataclass(frozen=True)
class ColumnKind:
    """How a column is carried: its kind, and what the kind needs ("people", a column, "any", ...)."""

    kind: str
    of: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.of}" if self.of else self.kind

    @property
    def numeric(self) -> bool:
        """Whether the column's cells are numbers."""
        return self.kind in ("extensive", "places", "intensive", "ratio", "radius")

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that it cannot be carried without; people and land are known of every part."""
        if self.kind in ("ratio", "radius"):
            return self.pair
        return (self.of,) if self.kind == "intensive" and self.of not in ("people", "area") else ()

    @property
    def pair(self) -> tuple[str, str]:
        """The two columns a ratio or radius is computed from."""
        one, other = self.of.split("/")
        return one, other


def column_kind(text: str, *, column: str = "") -> ColumnKind:
    """Read a kind as it is written, such as ``extensive`` or ``intensive:people``; InputError if it is none."""
    if not _FORM.fullmatch(text):
        raise InputError("carry.unknown_kind", found=text, column=column)
    kind, _, of = text.partition(":")
    return ColumnKind(kind, of or ("people" if kind == "extensive" else ""))


def known_name(heading: str) -> str:
    """The name under which a heading's column is declared, without regard to case and blanks; else the heading."""
    name = "_".join(heading.casefold().replace("-", " ").split())
    return name if any(fnmatchcase(name, pattern) for pattern, _ in _declared()) else heading


def kinds_of(columns: Iterable[str], *, given: Mapping[str, str] | None = None) -> dict[str, ColumnKind | None]:
    """The kind of each column: the caller's word, else the declared one, else None. InputError for an unknown kind, a
    caller's column that is not there, or one whose kind needs a column that is not there."""
    names, told = list(columns), dict(given or {})
    for name, text in told.items():
        kind = column_kind(text, column=name)
        there = {*names, *(PEOPLE if set(PEOPLE) & set(names) else ())}
        missing = [name] if name not in names else [one for one in kind.needs if one not in there]
        if missing:
            raise InputError("carry.no_such_column", column=missing[0], names=", ".join(names))
    found: dict[str, ColumnKind | None] = {}
    for name in names:
        declared = next((text for pattern, text in _declared() if fnmatchcase(name, pattern)), None)
        said = told.get(name, declared)
        found[name] = None if said is None else column_kind(said, column=name)
    return found


@cache
def _declared() -> tuple[tuple[str, str], ...]:
    """The lines of the table, one for each way to fill the names in braces."""
    table = tomllib.loads(files("phusong.layers").joinpath("data/carry.toml").read_text(encoding="utf-8"))
    words: dict[str, list[str]] = table.pop("words")
    found: list[tuple[str, str]] = []
    for pattern, kind in table.items():
        lines = [(pattern, str(kind))]
        for name in re.findall(r"\{(\w+)\}", pattern):
            braces = f"{{{name}}}"
            lines = [(one.replace(braces, w), other.replace(braces, w)) for one, other in lines for w in words[name]]
        found += lines
    return tuple(found)
