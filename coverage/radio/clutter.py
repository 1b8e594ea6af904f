"""What stands on the ground: heights by class of a land cover, from the one table in ``data/clutter.toml``.

The heights are the representative clutter heights of ITU-R P.1812-7 section 3.2.1: each point of a profile but its two
ends stands at ground + height. A surface model already holds trees and houses; their height is then 0.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.errors import Fault, InputError
from phusong.layers.grid import Raster
from phusong.layers.messages import Lang, has, say

DEFAULT_CLASSES = "esa_worldcover"
OF_THE_STUDY = "study.toml"


@dataclass(frozen=True)
class CoverClass:
    """One class of a land cover that has a height, and how many cells have it.

    ``height_m`` is what counts: 0 where ``left_to_surface``, because the elevation holds it. ``assumed``: a planning
    assumption; ``source`` says where the height comes from.
    """

    code: int
    cells: int
    height_m: float
    left_to_surface: bool
    assumed: bool
    source: str


@dataclass(frozen=True)
class Clutter:
    """Height of what stands on each cell of the grid, and what it rests on.

    ``height_m`` float32 (rows, cols), 0 where no class is known. ``known``: classes found, by code. ``unknown``: cells
    by class code that neither the table nor the study gives a height. ``no_data``: cells without a class.
    """

    height_m: NDArray[np.float32]
    classes: str
    known: tuple[CoverClass, ...]
    unknown: Mapping[int, int]
    no_data: int
    surface_model: bool

    @property
    def counts(self) -> dict[str, int]:
        """Cells with clutter, without class, of an unknown class, and whose trees and houses the elevation holds."""
        return {
            "clutter_cells": int(np.count_nonzero(self.height_m)),
            "clutter_no_data": self.no_data,
            "clutter_unknown_class": sum(self.unknown.values()),
            "clutter_in_surface": sum(one.cells for one in self.known if one.left_to_surface),
        }

    def table(self, lang: Lang) -> pd.DataFrame:
        """A row a class found: code, name, cells, height_m, assumed, source; unknown classes last, without height."""
        rows: list[list[Any]] = []
        for one in self.known:
            source = say("clutter.in_surface", lang) if one.left_to_surface else one.source
            rows.append([one.code, self._name(one.code, lang), one.cells, one.height_m, one.assumed, source])
        for code, cells in self.unknown.items():
            rows.append([code, say("clutter.unknown", lang), cells, np.nan, True, ""])
        return pd.DataFrame(rows, columns=["code", "name", "cells", "height_m", "assumed", "source"])

    def _name(self, code: int, lang: Lang) -> str:
        name = f"clutter.class.{self.classes}.{code}"
        return say(name, lang) if has(name) else str(code)


@cache
def clutter_defaults() -> Mapping[str, Any]:
    """The table: ``surface_models``, then each legend with ``no_data`` codes and ``class`` by code."""
    return tomllib.loads(files(__package__).joinpath("data/clutter.toml").read_text(encoding="utf-8"))


def clutter_heights(land_cover: Raster, *, overrides: Mapping[int, float], surface_model: bool) -> Clutter:
    """Heights in m on the land cover's grid; the land cover's tag ``classes`` names its legend.

    ``overrides``: height by class code, for classes of the table or others; ``check_clutter`` refuses codes that occur
    nowhere. ``surface_model``: the elevation holds trees and houses already, so classes of them have height 0 (a class
    that only the study knows counts as such). InputError if the legend is not known.
    """
    classes, legend = _legend(land_cover)
    table: dict[int, dict[str, Any]] = {int(code): dict(entry) for code, entry in legend["class"].items()}
    codes, cells = _counted(land_cover, legend)
    for code, stated_m in overrides.items():
        stated = {"height_m": stated_m, "assumed": False, "source": OF_THE_STUDY}
        table[code] = {"in_surface": True} | table.get(code, {}) | stated
    known: list[CoverClass] = []
    for code, count in zip(codes.tolist(), cells.tolist(), strict=True):
        if code in table:
            entry = table[code]
            left = surface_model and bool(entry["in_surface"])
            counted_m = 0.0 if left else float(entry["height_m"])
            known.append(CoverClass(code, count, counted_m, left, bool(entry["assumed"]), str(entry["source"])))
    height_m = np.zeros(land_cover.grid.shape, dtype=np.float32)
    for one in known:
        if one.height_m:
            height_m[land_cover.values == one.code] = one.height_m
    unknown = {code: count for code, count in zip(codes.tolist(), cells.tolist(), strict=True) if code not in table}
    return Clutter(height_m, classes, tuple(known), unknown, int(land_cover.values.size - cells.sum()), surface_model)


def check_clutter(
    land_cover: Raster | None,
    *,
    elevation: Raster | None,
    overrides: Mapping[int, float],
    surface_model: bool,
    file: str = "study.toml",
) -> list[Fault]:
    """What the settings and the land cover say that does not fit: faults for the study's check.

    Fatal: a legend or a class that is not known. Notes: classes without height, with their cells; heights without a
    land cover; an elevation whose source is a surface model while the study calls it terrain.
    """
    if land_cover is None:
        column = "radio.clutter_height_m"
        return [Fault("note.no_land_cover", file=file, column=column)] if overrides else []
    try:
        clutter = clutter_heights(land_cover, overrides=overrides, surface_model=surface_model)
    except InputError as error:
        return [Fault(error.code, file="land_cover.tif", layer="land_cover", fatal=True, params=error.params)]
    faults = []
    table = clutter_defaults()[clutter.classes]["class"]
    strange = sorted(set(overrides) - set(map(int, table)) - {one.code for one in clutter.known})
    if strange:
        params = {"classes": clutter.classes, "codes": ", ".join(map(str, strange)), "known": ", ".join(table)}
        faults.append(
            Fault("clutter.error.class", file=file, column="radio.clutter_height_m", fatal=True, params=params)
        )
    if clutter.unknown:
        listed = ", ".join(f"{code} ({cells})" for code, cells in clutter.unknown.items())
        params = {"classes": clutter.classes, "listed": listed}
        faults.append(Fault("note.unknown_classes", file="land_cover.tif", layer="land_cover", params=params))
    source = "" if elevation is None else elevation.tags.get("source", "")
    if not surface_model and is_surface_model(source):
        params = {"source": source}
        faults.append(Fault("note.surface_model", file=file, column="radio.elevation_model", params=params))
    return faults


def is_surface_model(source: str) -> bool:
    """Whether the source of an elevation names a model that holds trees and houses, such as SRTM.

    Names count where a word begins ("raster" is not ASTER); blanks and hyphens within them do not.
    """
    words = re.findall(r"[^\W_]+", source.lower())
    names = tuple(clutter_defaults()["surface_models"])
    return any("".join(words[i:]).startswith(names) for i in range(len(words)))


def _legend(land_cover: Raster) -> tuple[str, Mapping[str, Any]]:
    classes = land_cover.tags.get("classes", DEFAULT_CLASSES)
    legends = {name: entry for name, entry in clutter_defaults().items() if isinstance(entry, dict)}
    if classes not in legends:
        raise InputError("clutter.error.legend", classes=classes, known=", ".join(legends))
    return classes, legends[classes]


def _counted(land_cover: Raster, legend: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Class codes of the raster, ascending, and their cells; marks for no data left out."""
    values = land_cover.values[np.isfinite(land_cover.values)]
    codes, cells = np.unique(values, return_counts=True)
    kept = ~np.isin(codes, legend["no_data"])
    return codes[kept].astype(np.int64), cells[kept].astype(np.int64)
