"""Indicators of areas made of whole units: the province, or each of its districts, counted from the same units alike.

An area's figure is never a mean of its communes' means: people, cells, points and subscribers of the whole area are
counted and divided once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage import facilities, services
from phusong.coverage.access.serving import Served
from phusong.coverage.broadband import RATES
from phusong.coverage.indicators import CLASSES, expand
from phusong.coverage.means import ratio
from phusong.coverage.places import units_of
from phusong.coverage.population import People, rows_of
from phusong.coverage.service_indicators import area_services, study_services
from phusong.coverage.services import present
from phusong.coverage.signal import Radio, operators_of, technologies_of
from phusong.coverage.unit_indicators import covered_shares
from phusong.coverage.zonal import KNOWN_SHARE, known_mean
from phusong.layers.grid import Raster

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

PART_COLUMNS = ("area", "indicator", "have", "base")


@dataclass(frozen=True)
class Areas:
    """Which area each unit belongs to. ``of_unit``: int64[n_units], row of ``names``, -1 for a unit of no area.

    ``outside``: the area of what lies in no unit, -1 for none.
    """

    names: tuple[str, ...]
    of_unit: Ints
    outside: int = -1

    @classmethod
    def whole(cls, n_units: int) -> Areas:
        """The province: one area of the name "" that holds everything."""
        return cls(("",), np.zeros(n_units, dtype=np.int64), 0)

    @classmethod
    def named(cls, names: pd.Series[str]) -> Areas:
        """By a name for each unit, such as its district, in the order in which the names come; an empty one is none."""
        tidy = names.astype("str").str.strip()
        codes, found = pd.factorize(tidy.where(names.notna() & (tidy != "")))
        return cls(tuple(str(name) for name in found), codes.astype(np.int64))

    def __len__(self) -> int:
        return len(self.names)

    def of(self, unit_rows: Ints) -> Ints:
        """The area of each row that belongs to a unit (-1: to none)."""
        if len(self.of_unit) == 0:
            return np.full(len(unit_rows), self.outside, dtype=np.int64)
        return np.where(unit_rows >= 0, self.of_unit[unit_rows], self.outside)

    def sums(self, values: NDArray[np.float64] | Bools) -> Floats:
        """Sum of a value a unit over each area, float64[n_areas]."""
        return self.sums_of(self.of_unit, values)

    def sums_of(self, area: Ints, values: NDArray[np.float64] | Bools) -> Floats:
        """Sum of values whose areas are ``area``; those of no area are left out."""
        inside = area >= 0
        found = np.bincount(area[inside], weights=np.asarray(values, dtype=np.float64)[inside], minlength=len(self))
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True)
class AreaIndicators:
    """``values``: indicator id -> float64[n_areas], NaN = no data. ``parts``: id -> (have, base), float64[n_areas].

    The parts are what a value was computed from (``shortfall.Form`` says how): communes with a point and communes that
    say, subscribers and people, points and km2.
    """

    areas: Areas
    values: dict[str, Floats] = field(default_factory=dict)
    parts: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)

    def share(self, name: str, have: Floats, base: Floats, *, scale: float = 100.0) -> None:
        """Note a ratio with its parts."""
        self.values[name] = ratio(have, base, scale=scale)
        self.parts[name] = (have, base)

    def of(self, area: int) -> dict[str, float]:
        """The indicators of one area by id."""
        return {name: float(values[area]) for name, values in self.values.items()}

    def table(self, *, key: str) -> pd.DataFrame:
        """One row an area: its name in the column ``key``, then one column an indicator."""
        return pd.DataFrame({key: pd.Series(self.areas.names, dtype="str"), **self.values})

    def parts_table(self) -> pd.DataFrame:
        """``PART_COLUMNS``: one row an area and indicator whose parts are known."""
        rows = [
            (area, name, float(have[i]), float(base[i]))
            for name, (have, base) in self.parts.items()
            for i, area in enumerate(self.areas.names)
            if np.isfinite(have[i]) and np.isfinite(base[i])
        ]
        made = pd.DataFrame(rows, columns=list(PART_COLUMNS))
        return made.astype({"area": "str", "indicator": "str", "have": "float64", "base": "float64"})


def area_indicators(
    layers: Mapping[str, pd.DataFrame],
    *,
    areas: Areas,
    unit_table: pd.DataFrame,
    people: People,
    elevation: Raster,
    on: date,
    radio: Radio | None = None,
    official_area_km2: float | None = None,
    served: Mapping[str, Served] | None = None,
    readiness: Mapping[str, float] | None = None,
) -> AreaIndicators:
    """Every indicator of level "province" by id, for each area; NaN = no data.

    ``unit_table``: from ``unit_indicators`` of the same layers; ``served``: see there.
    Counts are sums over an area's units; "communes" counts only those that are counted (``units.counted`` not "no"). A
    rate per 100 people or a share of communes rests on the units with data and stands if these hold at least half of
    the people (or of the communes). Growth stands if these are half of the communes or hold half of the people, and are
    half of those with figures of the day. ``official_area_km2``, as it is stated, is the area of ``area_km2``,
    ``density_per_km2`` and the mean service radius; without it the sum of the units' areas is, which the radius "by the
    communes' areas" always uses. People per km2 and per point are told of the units whose population is known: their
    part of the area, their points.
    """
    units = gpd.GeoDataFrame(layers["units"])
    found = AreaIndicators(areas)
    counted = counted_units(units)
    population = _numbers(unit_table, "people")
    programme = np.asarray(unit_table["programme"].astype("boolean").fillna(False), dtype=bool)
    area_km2 = _numbers(unit_table, "area_km2")
    units_area_km2 = areas.sums(area_km2)
    stated_km2 = units_area_km2 if official_area_km2 is None else np.full(len(areas), float(official_area_km2))
    persons = _total(areas, population)
    known_km2 = areas.sums(np.where(np.isnan(population), 0.0, area_km2))
    some = areas.sums(programme) > 0
    zones = people.zones
    pair_area = areas.of_unit[zones.unit]
    height = zones.at(elevation.values)
    found.values.update(
        people=persons,
        area_km2=stated_km2,
        density_per_km2=ratio(persons, stated_km2 * ratio(known_km2, units_area_km2)),
        elevation_mean_m=_mean(areas, pair_area, height, zones.fraction)[0],
        elevation_people_mean_m=_mean(areas, pair_area, height, people.people)[0],
        counted_communes=areas.sums(counted),
        sites_count=_total(areas, _numbers(unit_table, "sites_count")),
        bts_in_operation=_total(areas, _numbers(unit_table, "bts_count")),
        same_day_mail_communes=_communes(areas, unit_table["same_day_mail"], counted)[0],
        programme_communes=_communes(areas, unit_table["programme"], counted)[0],
        programme_people=np.where(some, _total(areas, population, among=programme), np.nan),
        nearest_site_km=_people_mean(areas, _numbers(unit_table, "nearest_site_km"), population),
    )
    found.share("government_network_communes_pct", *_communes(areas, unit_table["government_network"], counted))
    _signal(found, radio, people, pair_area)
    _services(found, layers, unit_table, people, stated_km2, units_area_km2, counted, served)
    _broadband(found, layers, units, population, programme, counted, on=on)
    _facilities(found, layers, units, unit_table, readiness)
    _operators(found, layers, units, radio)
    declared = expand(
        "province",
        technologies=technologies_of(radio, present(layers, "signal_reports")),
        operators=radio.levels if radio is not None else (),
        services=[one.id for one in study_services(layers, served)],
        facilities=facilities.facilities_of(layers),
    )
    empty = np.full(len(areas), np.nan)
    values = {one.id: found.values.get(one.id, empty) for one in declared}
    return AreaIndicators(areas, values, {name: found.parts[name] for name in values if name in found.parts})


def counted_units(units: pd.DataFrame) -> Bools:
    """Which units count in "x of 141 communes": all but those that say no."""
    return np.asarray(units["counted"].astype("boolean").fillna(True), dtype=bool)


def broadband_indicators(
    layer: pd.DataFrame,
    units: pd.DataFrame,
    *,
    areas: Areas,
    on: date,
    population: Floats,
    programme: Bools,
    counted: Bools,
    total_share: float = KNOWN_SHARE,
) -> AreaIndicators:
    """What the layer broadband says of each area on a day: rates, growth, shares of communes; totals, if this share of
    their communes say them."""
    found = AreaIndicators(areas)
    table = services.broadband(layer, gpd.GeoDataFrame(units), on=on)
    households = np.asarray(units["households"].astype("float64"), dtype=np.float64)
    for name, (column, of) in RATES.items():
        found.share(name, *_held(areas, _numbers(table, column), population if of == "people" else households))
    now, before = _numbers(table, "broadband_subscribers"), _numbers(table, "previous_broadband_subscribers")
    both = ~np.isnan(now) & ~np.isnan(before)
    number = areas.sums(both)
    held, whole = areas.sums(np.where(both, np.nan_to_num(population), 0.0)), areas.sums(np.nan_to_num(population))
    of_communes = ratio(number, areas.sums(np.ones(len(now))))
    told = (of_communes >= KNOWN_SHARE) | ((held >= KNOWN_SHARE * whole) & (whole > 0))
    grown = told & (number >= KNOWN_SHARE * areas.sums(~np.isnan(now)))
    end, start = areas.sums(np.where(both, now, 0.0)), areas.sums(np.where(both, before, 0.0))
    found.values["broadband_growth_pct"] = np.where(grown, ratio(end - start, start, scale=100.0), np.nan)
    found.parts["broadband_growth_pct"] = (np.where(grown, end, np.nan), np.where(grown, start, np.nan))
    fixed, some = _numbers(table, "fixed_telephones"), areas.sums(programme) > 0
    found.values["programme_fixed_telephones"] = np.where(
        some, _total(areas, fixed, among=programme, least=total_share), np.nan
    )
    found.share("programme_fixed_per_100", *_held(areas, fixed, population, among=programme))
    for name, flag in (
        ("telephone_access_communes_pct", "telephone_access_point"),
        ("public_internet_communes_pct", "public_internet_point"),
        ("fibre_communes_pct", "fibre_to_commune"),
    ):
        found.share(name, *_communes(areas, table[flag], counted))
    return found


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    return np.asarray(table[name], dtype=np.float64)


def _total(areas: Areas, values: Floats, *, among: Bools | None = None, least: float = KNOWN_SHARE) -> Floats:
    """Sum of the known values; NaN if less than a share ``least`` of the units (``among``) are known."""
    chosen = np.ones(len(values), dtype=bool) if among is None else among
    known = chosen & ~np.isnan(values)
    enough = (areas.sums(known) > 0) & (areas.sums(known) >= least * areas.sums(chosen))
    return np.where(enough, areas.sums(np.where(known, values, 0.0)), np.nan)


def _held(areas: Areas, value: Floats, base: Floats, *, among: Bools | None = None) -> tuple[Floats, Floats]:
    """Sums of a value and of its base over the units that know both; NaN if these hold less than half of the base."""
    chosen = np.ones(len(value), dtype=bool) if among is None else among
    known = chosen & ~np.isnan(value) & ~np.isnan(base)
    held, whole = areas.sums(np.where(known, base, 0.0)), areas.sums(np.where(chosen, np.nan_to_num(base), 0.0))
    enough = (held > 0) & (held >= KNOWN_SHARE * whole)
    return np.where(enough, areas.sums(np.where(known, value, 0.0)), np.nan), np.where(enough, held, np.nan)


def _communes(areas: Areas, flag: pd.Series[bool], counted: Bools) -> tuple[Floats, Floats]:
    """Counted communes that say yes, and that say anything; NaN if less than half of them do."""
    told = flag.astype("boolean")
    known = counted & np.asarray(told.notna(), dtype=bool)
    yes = areas.sums(known & np.asarray(told.fillna(False), dtype=bool))
    said = areas.sums(known)
    enough = (said > 0) & (said >= KNOWN_SHARE * areas.sums(counted))
    return np.where(enough, yes, np.nan), np.where(enough, said, np.nan)


def _mean(areas: Areas, pair_area: Ints, values: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean over the pairs of each area by the rule of ``Zones.mean``, the sum it comes from and the weight known."""
    weighted = ~np.isnan(weights)
    known = weighted & ~np.isnan(values)
    total = areas.sums_of(pair_area[known], (weights * values)[known])
    part = areas.sums_of(pair_area[known], weights[known])
    return known_mean(total, part, areas.sums_of(pair_area[weighted], weights[weighted])), total, part


def _people_mean(areas: Areas, values: Floats, population: Floats) -> Floats:
    """Mean over all people from the means over each unit's people, which leave nobody out."""
    known = ~np.isnan(values) & (population > 0)
    people = np.where(known, population, 0.0)
    return ratio(areas.sums(np.where(known, values, 0.0) * people), areas.sums(people))


def _signal(found: AreaIndicators, radio: Radio | None, people: People, pair_area: Ints) -> None:
    if radio is None:
        return
    areas, zones = found.areas, people.zones
    for part, covered in covered_shares(radio, zones).items():
        mean, have, base = _mean(areas, pair_area, covered, people.people)
        found.values[f"people_covered_{part}_pct"] = 100.0 * mean
        known = ~np.isnan(mean)
        found.parts[f"people_covered_{part}_pct"] = (np.where(known, have, np.nan), np.where(known, base, np.nan))
        if part != "exactly_one_operator":
            found.values[f"area_covered_{part}_pct"] = 100.0 * _mean(areas, pair_area, covered, zones.fraction)[0]
        if part == "any":
            living = np.nan_to_num(people.people)
            unknown = areas.sums_of(pair_area, living * np.isnan(covered))
            found.share("people_signal_unknown_pct", unknown, areas.sums_of(pair_area, living))


def _services(  # noqa: PLR0917
    found: AreaIndicators,
    layers: Mapping[str, pd.DataFrame],
    unit_table: pd.DataFrame,
    people: People,
    stated_km2: Floats,
    units_km2: Floats,
    counted: Bools,
    served: Mapping[str, Served] | None,
) -> None:
    values, parts = area_services(
        layers,
        unit_table,
        people,
        sums=found.areas.sums,
        area_km2=stated_km2,
        units_area_km2=units_km2,
        counted=counted,
        served=served,
    )
    found.values.update(values)
    found.parts.update(parts)


def _broadband(  # noqa: PLR0917
    found: AreaIndicators,
    layers: Mapping[str, pd.DataFrame],
    units: gpd.GeoDataFrame,
    population: Floats,
    programme: Bools,
    counted: Bools,
    *,
    on: date,
) -> None:
    layer = present(layers, "broadband")
    if layer is None:
        return
    told = broadband_indicators(
        layer, units, areas=found.areas, on=on, population=population, programme=programme, counted=counted
    )
    found.values.update(told.values)
    found.parts.update(told.parts)


def _facilities(
    found: AreaIndicators,
    layers: Mapping[str, pd.DataFrame],
    units: gpd.GeoDataFrame,
    unit_table: pd.DataFrame,
    weights: Mapping[str, float] | None,
) -> None:
    layer = present(layers, "facilities")
    if layer is None:
        return
    sums = found.areas.sums
    table = services.facilities(gpd.GeoDataFrame(layer), units)
    online = facilities.online(gpd.GeoDataFrame(layer), units)
    high = unit_table["mountainous"].astype("boolean")
    parts = {"": np.ones(len(table), dtype=bool)}
    parts |= {
        name: np.asarray(flag.fillna(False), dtype=bool) for name, flag in (("mountain_", high), ("lowland_", ~high))
    }
    for (facility, network), one in online.items():
        for part, among in parts.items():
            found.share(f"{facility}_{network}_{part}pct", *one.among(among, sums).told())
    found.share("institutions_lan_broadband_pct", *facilities.institutions(table).among(parts[""], sums).told())
    score, known_pct = facilities.area_scores(
        online,
        {name: unit_table[name] for name in CLASSES if name in unit_table},
        sums=sums,
        n_units=len(units),
        weights=weights,
    )
    found.values.update(readiness_score=score, readiness_known_pct=known_pct)


def _operators(
    found: AreaIndicators, layers: Mapping[str, pd.DataFrame], units: gpd.GeoDataFrame, radio: Radio | None
) -> None:
    """Operators with a point, and with a sector, in each area; of the radio result where no sector says it."""
    areas = found.areas
    posts, sectors, sites = (present(layers, name) for name in ("postal_points", "sectors", "sites"))
    if posts is not None and posts["operator"].notna().any():
        rows = units_of(gpd.GeoDataFrame(posts), units)
        found.values["postal_operators"] = _different(areas, areas.of(rows), posts["operator"])
    if sectors is not None and sectors["operator"].notna().any():
        rows = np.full(len(sectors), -1, dtype=np.int64)
        if sites is not None and len(areas):
            site = rows_of(sectors["site_id"], sites["site_id"])
            rows = np.where(site >= 0, units_of(gpd.GeoDataFrame(sites), units)[site], -1)
        found.values["telecom_operators"] = _different(areas, areas.of(rows), sectors["operator"])
    elif operators_of(radio) and areas.outside == 0:
        found.values["telecom_operators"] = np.array([float(len(operators_of(radio)))])


def _different(areas: Areas, area: Ints, names: pd.Series[str]) -> Floats:
    """Different names in each area."""
    told = pd.DataFrame({"area": area, "name": names.to_numpy()}).dropna()
    each = told[told["area"] >= 0].drop_duplicates()
    return np.bincount(each["area"].to_numpy(dtype=np.int64), minlength=len(areas)).astype(np.float64)
