"""Which classes communes and villages belong to: as recorded, as computed by the tests, and which of the two is used.

Villages come first: the test of mountainous communes counts them. A village's class is the one recorded, else the one
computed for itself, else its commune's ("inherited").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.access.serving import Served
from phusong.coverage.classes.borders import border_lengths
from phusong.coverage.classes.judging import NONE, Bounds, Doubt, Floats, Judged, judge_classes
from phusong.coverage.classes.terrain import Terrain, terrain_shares
from phusong.coverage.classes.wording import Notes, class_rows
from phusong.coverage.indicators import CLASSES
from phusong.coverage.means import PeopleAtCells, ratio
from phusong.coverage.places import unit_area_km2
from phusong.coverage.population import People, rows_of
from phusong.coverage.rules.class_tests import VILLAGE_OWN, ClassLevel, ClassTest, Condition, Sign
from phusong.coverage.rules.pack import load_pack
from phusong.coverage.service_indicators import minutes_from
from phusong.coverage.services import present
from phusong.coverage.zonal import KNOWN_SHARE
from phusong.layers.grid import Raster
from phusong.layers.messages import LANGS, say

UNIT_VALUES = (
    "area_at_200m_pct",
    "area_slope_15_pct",
    "villages_mountainous_pct",
    "minority_people",
    "minority_people_pct",
    "borders_land_km",
    "borders_sea_km",
    "outline_coast_pct",
    "time_to_centre_min",
)
VILLAGE_VALUES = (
    "area_at_200m_pct",
    "area_slope_15_pct",
    "minority_people",
    "minority_people_pct",
    "time_to_centre_min",
)
INHERITED = "inherited"
_VILLAGES = "villages_mountainous_pct"
CENTRES = ("district_office", "commune_office")
"""Services that may be the centre of which a place is remote: the first one the study can travel to."""
TOLERANCE_M = 500.0
REMOTE_MIN = 60.0
PACK = "decree_272"
CLASS_COLUMNS = (
    "level",
    "code",
    "valid_on",
    "name",
    "class",
    "official",
    "computed",
    "used",
    "agree",
    "test",
    "value",
    "threshold",
    "unit",
    "derived",
    "hinges_on",
    *(f"evidence_{lang}" for lang in LANGS),
    "source",
)


@dataclass(frozen=True)
class Classes:
    """What ``find_classes`` found.

    units, villages   rows as in their layers: a flag a class (boolean, NA: not known), ``<class>_basis`` ("recorded",
                      "computed:<test>", "inherited" of villages, "none"), then ``UNIT_VALUES`` or ``VILLAGE_VALUES``
    table             ``CLASS_COLUMNS``, a row a commune and class, and a village and class that it has a record or
                      a verdict of its own for: official, computed and used flags, whether the first two agree ("yes",
                      "no" or ""), value, threshold and unit of the condition that decided, whether the computed verdict
                      rests on derived ground ("yes", "no"), what it hinges on ("derived": on villages' derived ground,
                      "unknown": on villages nothing is known of, ""), and the evidence in words
    """

    units: pd.DataFrame
    villages: pd.DataFrame
    table: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """Rows of the table, and those where record and test disagree."""
        return {"classes": len(self.table), "classes_disagree": int((self.table["agree"] == "no").sum())}


def default_tests(tests: Iterable[ClassTest] | None = None, *, remote_min: float = REMOTE_MIN) -> tuple[ClassTest, ...]:
    """The tests of some packs, those of the decree where none are given; remoteness by ``remote_min`` unless they
    test it themselves."""
    found = tuple(load_pack(PACK).classes if tests is None else tests)
    for level in get_args(ClassLevel):
        if not any((one.of, one.level) == ("remote", level) for one in found):
            found = (*found, _remote(level, remote_min))
    return found


def _remote(level: ClassLevel, remote_min: float) -> ClassTest:
    sign: Sign = ">="
    asked = (Condition("time_to_centre_min", sign, remote_min, "min"),)
    text = {lang: say("class.remote.text", lang) for lang in LANGS}
    source = "study.toml: [classes] remote_min"
    return ClassTest(f"remote_{level}_time", "remote", level, "any", asked, text, source=source)


def find_classes(
    layers: Mapping[str, pd.DataFrame],
    *,
    people: People,
    elevation: Raster,
    served: Mapping[str, Served] | None = None,
    tests: Sequence[ClassTest] | None = None,
    tolerance_m: float = TOLERANCE_M,
    centres: Sequence[str] = CENTRES,
) -> Classes:
    """Classes of the communes and villages of ``layers`` (validated, by name), by ``tests`` (``default_tests``).

    ``elevation`` lies on the grid of ``people.zones``; ``served``: who reaches each service; ``tolerance_m``: how far
    lines of the border and outlines may lie apart; ``centres``: services by which a place is remote, best first.
    """
    units = gpd.GeoDataFrame(layers["units"])
    layer, areas, lines = (present(layers, name) for name in ("villages", "village_areas", "borders"))
    villages = None if layer is None else gpd.GeoDataFrame(layer)
    tests = default_tests() if tests is None else tests
    terrain = terrain_shares(
        units,
        zones_of_units=people.zones,
        elevation=elevation,
        villages=villages,
        village_areas=None if areas is None else gpd.GeoDataFrame(areas),
    )
    known = served or {}
    centre = next((name for name in centres if name in known and known[name].travel is not None), "")
    times = _times(people, villages, known, centre, tests)
    notes = Notes(cell_m=terrain.cell_m, tolerance_m=tolerance_m, centre=centre)

    of_villages = _Villages({}, {}, None)
    if villages is not None:
        values = {
            "area_at_200m_pct": terrain.village_high_pct,
            "area_slope_15_pct": terrain.village_steep_pct,
            **_minority(villages),
            "elevation_m": _heights(elevation, villages),
            **times["village"],
        }
        derived = terrain.ground == "derived"
        judged = judge_classes("village", villages, tests, values, VILLAGE_OWN, derived=derived)
        rows = class_rows("village", villages, judged, values, notes=notes, known_only=True)
        of_villages = _Villages(judged, values, rows)

    border = border_lengths(units, None if lines is None else gpd.GeoDataFrame(lines), tolerance_m=tolerance_m)
    share, doubt, counts = _mountainous_villages(units, villages, of_villages, terrain)
    persons, area_km2 = np.asarray(units["population"], dtype=np.float64), unit_area_km2(units)
    unit_values = {
        "area_at_200m_pct": terrain.unit_high_pct,
        "area_slope_15_pct": terrain.unit_steep_pct,
        "villages_mountainous_pct": share,
        **_minority(units),
        "borders_land_km": border.land_km,
        "borders_sea_km": border.sea_km,
        "outline_coast_pct": border.outline_coast_pct,
        **times["unit"],
        "elevation_mean_m": people.zones.means(people.zones.at(elevation.values), people.zones.fraction),
        "people": persons,
        "area_km2": area_km2,
        "density_per_km2": ratio(persons, area_km2),
    }
    found = judge_classes("unit", units, tests, unit_values, CLASSES, doubt=doubt)
    rows = class_rows("unit", units, found, unit_values, notes=replace(notes, villages=counts))
    unit_table = pd.DataFrame(
        {name: one.used for name, one in found.items()}
        | {f"{name}_basis": one.basis for name, one in found.items()}
        | {name: unit_values[name] for name in UNIT_VALUES}
    )
    village_table = pd.DataFrame(index=range(0))
    if villages is not None:
        unit = rows_of(villages["unit_code"], units["code"])
        flags, bases = _inherited(of_villages.judged, unit_table, unit)
        own = {name: of_villages.values[name] for name in VILLAGE_VALUES}
        village_table = pd.DataFrame({**flags, **bases, **own})
    parts = [part for part in (rows, of_villages.rows) if part is not None and len(part)]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(CLASS_COLUMNS))
    return Classes(unit_table, village_table, table)


@dataclass(frozen=True)
class _Villages:
    """Villages as judged: their classes by name, values by indicator and rows of the table; empty without villages."""

    judged: Mapping[str, Judged]
    values: Mapping[str, Floats]
    rows: pd.DataFrame | None


def _times(
    people: People,
    villages: gpd.GeoDataFrame | None,
    served: Mapping[str, Served],
    centre: str,
    tests: Sequence[ClassTest],
) -> dict[str, dict[str, Floats]]:
    """Minutes to the centre, and to each service that a test asks for, by indicator and level."""
    n_villages = 0 if villages is None else len(villages)
    asked = {one.indicator for test in tests for one in test.conditions}
    living: PeopleAtCells | None = None  # made when first asked for: it looks at every cell
    found: dict[str, dict[str, Floats]] = {
        "unit": {"time_to_centre_min": np.full(people.zones.n_units, np.nan)},
        "village": {"time_to_centre_min": np.full(n_villages, np.nan)},
    }
    for indicator in asked:
        if indicator.startswith("mean_time_"):
            found["unit"][indicator] = np.full(people.zones.n_units, np.nan)
        elif indicator.startswith("time_"):
            found["village"][indicator] = np.full(n_villages, np.nan)
    for name, one in served.items():
        if not one.service.timed or one.travel is None:
            continue
        for level, own in (("unit", f"mean_time_{name}_min"), ("village", f"time_{name}_min")):
            ids = [own] * (own in asked) + ["time_to_centre_min"] * (name == centre)
            if ids and level == "unit":
                living = living or PeopleAtCells(people)
                found[level] |= dict.fromkeys(ids, living.means(one.minutes))
            elif ids and villages is not None:
                found[level] |= dict.fromkeys(ids, minutes_from(villages, one))
    return found


def _minority(layer: pd.DataFrame) -> dict[str, Floats]:
    """Persons of ethnic minorities and their share: persons as recorded, else by the recorded share, and vice versa."""
    n = len(layer)
    persons, pct, people = (
        np.asarray(layer[name], dtype=np.float64) if name in layer else np.full(n, np.nan)
        for name in ("minority_people", "minority_pct", "population")
    )
    share = np.where(np.isnan(persons), pct, ratio(persons, people, scale=100.0))
    share = np.where(np.isnan(share), pct, share)
    return {
        "minority_people": np.where(np.isnan(persons), people * pct / 100.0, persons),
        "minority_people_pct": share,
    }


def _mountainous_villages(
    units: gpd.GeoDataFrame, villages: gpd.GeoDataFrame | None, of_villages: _Villages, terrain: Terrain
) -> tuple[Floats, Doubt, NDArray[np.int64] | None]:
    """Of each unit: the share of its known villages that are mountainous (0-100), what it may be over all of them, and
    counts (n, 5): all, mountainous, by derived ground, recorded, not known."""
    n = len(units)
    if villages is None:
        nothing = np.full(n, np.nan)
        unknown: Bounds = {_VILLAGES: (nothing, nothing)}
        return nothing, Doubt(unknown, unknown, unknown), None
    unit = rows_of(villages["unit_code"], units["code"])
    inside = unit >= 0
    judged = of_villages.judged["mountainous"]
    flag = judged.used.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    recorded = judged.official.notna().to_numpy()
    derived = (terrain.ground == "derived") & ~recorded & ~np.isnan(flag)

    def count(where: NDArray[np.bool_]) -> Floats:
        return np.bincount(unit[inside & where], minlength=n).astype(np.float64)

    whole, yes, open_ = count(np.ones(len(unit), dtype=bool)), count(flag == 1.0), count(np.isnan(flag))

    def ends(silent: NDArray[np.bool_]) -> Bounds:
        least = yes - count(silent & (flag == 1.0))
        return {
            _VILLAGES: (
                ratio(least, whole, scale=100.0),
                ratio(least + open_ + count(silent), whole, scale=100.0),
            )
        }

    known = whole - open_
    share = np.where(known >= KNOWN_SHARE * whole, ratio(yes, known, scale=100.0), np.nan)
    counts = np.column_stack([whole, yes, count(derived), count(recorded), open_]).astype(np.int64)
    nobody = np.zeros(len(unit), dtype=bool)
    return share, Doubt(ends(nobody), ends(derived & (judged.hinges_on == "derived")), ends(derived)), counts


def _inherited(
    judged: Mapping[str, Judged], units: pd.DataFrame, unit: NDArray[np.int64]
) -> tuple[dict[str, pd.Series[bool]], dict[str, pd.Series[str]]]:
    """The classes used of villages and their bases: their own where known, else their commune's."""
    flags: dict[str, pd.Series[bool]] = {}
    bases: dict[str, pd.Series[str]] = {}
    for name in CLASSES:
        of_unit = units[name].reindex(unit).reset_index(drop=True)
        mine = pd.Series(pd.NA, index=range(len(unit)), dtype="boolean")
        told = pd.Series(NONE, index=range(len(unit)), dtype="str")
        if name in judged:
            mine, told = judged[name].used, judged[name].basis
        flags[name] = mine.fillna(of_unit)
        bases[f"{name}_basis"] = told.mask(mine.isna() & of_unit.notna(), INHERITED).astype("str")
    return flags, bases


def _heights(elevation: Raster, villages: gpd.GeoDataFrame) -> Floats:
    x_m, y_m = np.asarray(villages.geometry.x), np.asarray(villages.geometry.y)
    return elevation.sample(x_m, y_m).astype(np.float64)
