"""The one table of speeds, ``data/speeds.toml``, and what a study changes in it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from phusong.layers.errors import SettingsError

DEFAULT_CLASSES = "esa_worldcover"


@dataclass(frozen=True)
class Speeds:
    """Speeds (km/h), shares, waits (min) and costs by dotted name, such as ``road.village.motorbike_kmh``.

    ``changed``: names a study has changed.
    """

    values: Mapping[str, float]
    changed: tuple[str, ...]

    def get(self, name: str) -> float | None:
        """The entry, None where the table has none."""
        return self.values.get(name)

    def __getitem__(self, name: str) -> float:
        """The entry; KeyError where the table has none."""
        return self.values[name]

    def land_cover(self, classes: str) -> dict[int, float]:
        """Share of the walking speed by class code of a legend; empty for a legend that is not known."""
        start = f"land_cover.{classes}.share."
        return {int(name[len(start) :]): value for name, value in self.values.items() if name.startswith(start)}


@cache
def speed_table() -> Mapping[str, Any]:
    """The table as it stands in the file, with sources."""
    return tomllib.loads(files(__package__).joinpath("data/speeds.toml").read_text(encoding="utf-8"))


def speeds(overrides: Mapping[str, float] | None = None) -> Speeds:
    """The table with a study's changes.

    SettingsError for a name the table does not have, a wait or the share of a land cover or a road's surface below 0
    (0 closes those), and any other number not above 0.
    """
    values = dict(_numbers(speed_table()))
    changed = dict(overrides or {})
    for name, value in changed.items():
        if name not in values:
            raise SettingsError("access.error.speed_unknown", name=name, known=", ".join(sorted(values)))
        part = name.rsplit(".", 1)[-1]
        may_be_zero = name.startswith(("land_cover.", "surface.")) or part == "wait_min"
        if not math.isfinite(value) or value < 0 or (value == 0 and not may_be_zero):
            raise SettingsError("access.error.speed_value", name=name, found=f"{value:g}", now=f"{values[name]:g}")
        values[name] = float(value)
    return Speeds(values, tuple(sorted(changed)))


def walked(road_class: str) -> bool:
    """Whether people may walk on a class of road."""
    return bool(speed_table()["road"].get(road_class, {}).get("walked", True))


def codes_without_class(classes: str) -> tuple[int, ...]:
    """Codes of a legend that say that the class is not known."""
    return tuple(speed_table()["land_cover"].get(classes, {}).get("no_data", ()))


def _numbers(table: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, float]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{start}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{start}{name}", float(value)
