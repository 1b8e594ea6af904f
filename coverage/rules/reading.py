"""One TOML table of a rule pack read key by key, with every fault noted at its line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any

from phusong.layers.errors import Fault
from phusong.layers.messages import LANGS, Lang, Text
from phusong.layers.toml_lines import Lines, nearest_line

MOST = 1e15
"""No threshold or weight lies beyond: a float still tells whole numbers apart up to here."""


@dataclass
class Reading:
    """A table and where it stands: what is wrong with a key becomes a fault, what nobody asked for is refused.

    file, lines   name of the pack's file and the lines of its keys
    faults        where faults go, shared by all tables of the file
    where         names of the table from the outside in: ``("rule", "0")``
    owner         whose table it is, in words of faults: the pack's head, a rule, a class
    """

    table: Mapping[str, Any]
    file: str
    lines: Lines
    faults: list[Fault]
    where: tuple[str, ...] = ()
    owner: Text = field(default_factory=lambda: Text("rules.owner.head"))
    _known: list[str] = field(default_factory=list)

    def line(self, key: str) -> int | None:
        """The line of a key, else of the table."""
        return nearest_line(self.lines, (*self.where, *key.split(".")) if key else self.where)

    def fault(self, code: str, key: str, **params: Any) -> None:
        """Note a fault at ``key``; its message may name {owner}, {key} and ``params``."""
        place: dict[str, Any] = {"file": self.file, "row": self.line(key), "column": _seen(key)}
        told = {name: _seen(value) if isinstance(value, str) else value for name, value in params.items()}
        self.faults.append(Fault(code, **place, fatal=True, params={"owner": self.owner, "key": _seen(key), **told}))

    def take(self, key: str, kinds: tuple[type, ...], expected: str, *, required: bool) -> Any:
        """The value of ``key`` if it is of one of these kinds (a true or false never is a number); else None."""
        self._known.append(key)
        value = self.table.get(key)
        if value is None:
            if required:
                self.fault("rules.missing_key", key)
            return None
        if type(value) not in kinds:
            self.fault("rules.wrong_kind", key, found=_short(value), expected=Text(f"rules.expected.{expected}"))
            return None
        return value

    def text(self, key: str, *, default: str | None = None) -> str:
        """Words; required where there is no default."""
        value = self.take(key, (str,), "text", required=default is None)
        if value is not None and not value.strip():
            self.fault("rules.missing_key", key)
        return (value or default or "").strip()

    def word(self, key: str, words: Sequence[str], *, default: str | None = None, required: bool = False) -> str | None:
        """One of a closed list of words."""
        value = self.take(key, (str,), "text", required=required and default is None)
        if value is not None and value not in words:
            near = nearest(value, words)
            self.fault("rules.unknown_word", key, found=_short(value), allowed=", ".join(words), nearest=near)
            return None
        return value or default

    def number(
        self, key: str, *, default: float | None = None, required: bool = False, minimum: float = -math.inf
    ) -> float | None:
        """A number of at most 15 digits before the point, at least ``minimum``."""
        value = self.take(key, (int, float), "number", required=required and default is None)
        if value is None:
            return default
        if not (abs(value) <= MOST and value >= minimum):  # a whole number of TOML may be too long for a float
            expected = Text("rules.expected.number" if minimum == -math.inf else "rules.expected.not_negative")
            self.fault("rules.wrong_kind", key, found=_short(value), expected=expected)
            return default
        return float(value)

    def day(self, key: str) -> date | None:
        """A day without a time."""
        value: date | None = self.take(key, (date,), "day", required=False)
        return value

    def languages(self, key: str) -> dict[Lang, str]:
        """A table with words in every language."""
        value = self.take(key, (dict,), "languages", required=True)
        if value is None:
            return {}
        inner = self.inner(value, key)
        found: dict[Lang, str] = {lang: inner.text(lang) for lang in LANGS}
        inner.refuse_others()
        return found

    def cited(self, key: str) -> dict[Lang, str]:
        """Words that may be the same in all languages, as a document's own name is; none where not given or empty."""
        if isinstance(self.table.get(key), dict):
            return self.languages(key)
        value = (self.take(key, (str,), "text", required=False) or "").strip()
        return dict.fromkeys(LANGS, value) if value else {}

    def tables(self, key: str, *, owner: str) -> list[Reading]:
        """The tables of an array ``[[key]]``, each speaking in faults by its id (message ``rules.owner.<owner>``)."""
        entries = self.take(key, (list,), "tables", required=False) or []
        found = []
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict):
                self.fault("rules.wrong_kind", key, found=_short(entry), expected=Text("rules.expected.tables"))
                continue
            name = entry.get("id", entry.get("name"))
            said = Text(f"rules.owner.{owner}", {"name": _seen(name) if isinstance(name, str) else f"#{number + 1}"})
            where = (*self.where, key, str(number))
            found.append(Reading(entry, self.file, self.lines, self.faults, where, said))
        return found

    def inner(self, table: Mapping[str, Any], key: str) -> Reading:
        """A table within this one."""
        return Reading(table, self.file, self.lines, self.faults, (*self.where, key), self.owner)

    def refuse_others(self) -> None:
        """A fault for every key that was not asked for, with the nearest one that was."""
        for key in self.table:
            if key not in self._known:
                self.fault("rules.unknown_key", key, nearest=nearest(key, self._known))


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like ``name``; where none is near, the first dozen."""
    names = tuple(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return close[0] if close else ", ".join(names[:12])


def _short(value: object, most: int = 60) -> str:
    said = repr(value)
    return said if len(said) <= most else said[: most - 1] + "…"


def _seen(text: str, most: int = 500) -> str:
    """Words of a file as a terminal may print them: signs that steer it are told as marks, and not without end."""
    words = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:most])
    return words if len(text) <= most else words + "…"
