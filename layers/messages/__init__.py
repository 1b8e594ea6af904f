"""Every user-facing string, in both languages: TOML catalogues in ``data/``, one file a subject.

An entry is ``[subject.name]`` with ``en`` and ``vi``; parameters stand in braces and are filled by ``str.format``.
"""

from __future__ import annotations

import os
import tomllib
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
    for key, value in table.items():
        code = f"{prefix}{key}"
        if not isinstance(value, dict):
            raise ValueError(f"message {code}: write [{code}] with en and vi")
        if all(isinstance(v, str) for v in value.values()):
            found.append((code, value))
        else:
            found += _flatten(value, f"{code}.")
    return found


def say(code: str, lang: Lang, /, **params: Any) -> str:
    """The text of ``code`` in ``lang`` with its parameters filled; KeyError if the catalogue lacks it."""
    return catalogue()[code][lang].format(**params)


def has(code: str) -> bool:
    """Whether the catalogue has this entry."""
    return code in catalogue()


def default_lang() -> Lang:
    """Language of the environment: PHUSONG_LANG, else the locale; Vietnamese if it says so, else English."""
    asked = os.environ.get("PHUSONG_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "vi" if asked.lower().startswith("vi") else "en"
