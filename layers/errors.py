"""The project's errors: each carries a message code and its parameters, and is said in the user's language.

PhusongError
├── InputError (ValueError)          a file, layer, row or cell is not as it should be; carries the faults found
│   └── SettingsError                study.toml is not as it should be
├── MissingError (LookupError)       a study, layer, result, unit or indicator that was asked for is not there
├── CrsError (ValueError)            no CRS, or not the study's
└── ComputeError (RuntimeError)      a unit of work was lost or a result is impossible; never the user's fault
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from phusong.layers.messages import Lang, say


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the input: where it is, what was found, what was expected and how to mend it.

    ``code`` names an entry of the message catalogue; ``params`` fill it. ``row`` counts as the user sees it: the header
    of a sheet is row 1, a feature of a geographic file counts from 1. ``fatal`` faults stop a run; others drop the row.
    """

    code: str
    file: str = ""
    layer: str = ""
    sheet: str = ""
    row: int | None = None
    column: str = ""
    fatal: bool = False
    params: dict[str, Any] = field(default_factory=dict)

    def say(self, lang: Lang) -> str:
        """One sentence in ``lang``: the place, then what was found, expected and how to mend it."""
        place = [self.file] if self.file else []
        if self.layer:
            place.append(say("place.layer", lang, layer=self.layer))
        if self.sheet:
            place.append(say("place.sheet", lang, sheet=self.sheet))
        if self.row is not None:
            place.append(say("place.row", lang, row=self.row))
        if self.column:
            place.append(say("place.column", lang, column=self.column))
        text = say(self.code, lang, **self.params)
        return f"{', '.join(place)}: {text}" if place else text


class PhusongError(Exception):
    """Base of all errors the project raises on purpose."""

    def __init__(self, code: str, *, faults: tuple[Fault, ...] = (), **params: Any) -> None:
        self.code = code
        self.params = params
        self.faults = faults
        super().__init__(code)

    def say(self, lang: Lang) -> str:
        """The error in words; the faults, if any, follow one a line."""
        lines = [say(self.code, lang, **self.params)]
        lines += [f"  {fault.say(lang)}" for fault in self.faults]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.say("en")


class InputError(PhusongError, ValueError):
    """A file, layer, row or cell is not as it should be."""


class SettingsError(InputError):
    """study.toml is not as it should be."""


class MissingError(PhusongError, LookupError):
    """Something asked for is not there."""

    __str__ = PhusongError.__str__


class CrsError(PhusongError, ValueError):
    """No CRS, or not the study's."""


class ComputeError(PhusongError, RuntimeError):
    """A unit of work was lost, or a result is impossible."""
