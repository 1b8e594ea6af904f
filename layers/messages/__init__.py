"""Every user-facing string, in both languages: TOML catalogues in ``data/``, one file a subject.

An entry is ``[subject.name]`` with ``en`` and ``vi`` (and may hold further entries); parameters stand in braces and are
filled by ``str.format``.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

Lang = Literal["vi", "en"]
LANGS: tuple[Lang, ...] = get_args(Lang)


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All entries by code, ``{"place.row": {"en": ..., "vi": ...}}``; a code defined twice is an error."""
    entries: dict[str, dict[str, str]] = {}
    for path in sorted(files(__package__).joinpath("data").iterdir(), key=lambda p: p.name):
        if path.name.endswith(".toml"):
            for code, entry in _flatten(tomllib.loads(path.read_text(encoding="utf-8"))):
                if code in entries:
                    raise ValueError(f"message {code} is defined twice")
                entries[code] = entry
    return entries


def _flatten(table: dict[str, Any], prefix: str = "") -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    texts = {key: value for key, value in table.items() if isinstance(value, str)}
    if texts:
        found.append((prefix.removesuffix("."), texts))
    for key, value in table.items():
        if isinstance(value, dict):
            found += _flatten(value, f"{prefix}{key}.")
    return found


def say(code: str, lang: Lang, /, **params: Any) -> str:
    """The text of ``code`` in ``lang`` with its parameters filled; KeyError if the catalogue lacks it.

    A parameter may itself be a Text: it is said in the same language.
    """
    said = {name: value.say(lang) if isinstance(value, Text) else value for name, value in params.items()}
    return catalogue()[code][lang].format(**said)


@dataclass(frozen=True)
class Text:
    """Words whose language is not known yet: a message code and its parameters."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)

    def say(self, lang: Lang) -> str:
        """The words in ``lang``."""
        return say(self.code, lang, **self.params)


def has(code: str) -> bool:
    """Whether the catalogue has this entry."""
    return code in catalogue()


def default_lang() -> Lang:
    """Language of the environment: PHUSONG_LANG, else the locale's of messages; Vietnamese if so, else English."""
    asked = next(filter(None, map(os.environ.get, ("PHUSONG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "vi" if asked.lower().startswith("vi") else "en"
