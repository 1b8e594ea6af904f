"""The indicators, declared once: id, level, unit of measure, source layers; their texts are messages ``indicator.*``.

Ids with braces stand for many: ``{technology}`` and ``{operator}`` of the study, ``{service}`` whose access is measured
(``access.services``) and ``{limit}`` of it ("3km", "30min"), ``{facility}``: a kind of facility or a group of them, and
``{network}`` there. ``expand`` lists them, ``find`` reads an id back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from phusong.coverage.access.services import Service, services
from phusong.coverage.facilities import FACILITIES, NETWORKS
from phusong.layers.errors import MissingError
from phusong.layers.messages import Lang, Text, has, say
from phusong.layers.messages.format import plain
from phusong.layers.schema import TECHNOLOGIES

Level = Literal["unit", "village", "province"]
Kind = Literal["number", "yes_no"]
Sense = Literal["better", "worse", "neutral"]

CLASSES = ("mountainous", "land_border", "sea_border", "island", "ethnic_minority", "programme", "remote")


@dataclass(frozen=True)
class Indicator:
    """One indicator. ``unit``: code of the unit of measure (``measure.<unit>`` where it needs words).

    ``sources``: layers and rasters it is computed from. ``higher_is``: what a higher value means for people.
    ``template``: the declared id, with braces; ``technology`` and those after it fill it ("" where it has none).
    """

    id: str
    level: Level
    unit: str
    sources: tuple[str, ...]
    kind: Kind = "number"
    higher_is: Sense = "neutral"
    template: str = ""
    technology: str = ""
    operator: str = ""
    service: str = ""
    limit: str = ""
    facility: str = ""
    network: str = ""

    @property
    def text_code(self) -> str:
        """Where the catalogue keeps its texts: ``<text_code>.name`` and ``<text_code>.about``."""
        return "indicator." + (self.template or self.id).replace("{", "").replace("}", "")


_SIGNAL = ("sites", "sectors", "elevation")
_PEOPLE = ("units", "villages", "population")
_UNIT_AND_PROVINCE: tuple[Level, ...] = ("unit", "province")
_POINTS = "{service}"
"""Among sources: the layer of the service's points."""
_GROUND = ("elevation", "land_cover", "roads", "rivers", "crossings")
_HOMES = ("units", "villages", "village_areas")
PUBLISHED = ("published_figures",)
"""Sources of an indicator that is published or measured elsewhere and never computed here: no column of a table."""
_CABLE = (
    "points_{service}_count",
    "mean_distance_{service}_km",
    "people_within_{limit}_{service}_pct",
    "people_unreached_{service}_pct",
    "distance_{service}_km",
)
"""What is told of a service that nobody travels to."""
_SHARED = ("access_{service}", "people_nothing_in_reach_{service}_pct")
"""What is told of a service with a catchment."""


def _many(  # noqa: PLR0917
    levels: Iterable[Level],
    ids: Iterable[str],
    unit: str,
    sources: tuple[str, ...],
    higher_is: Sense = "neutral",
    kind: Kind = "number",
) -> tuple[Indicator, ...]:
    names = tuple(ids)
    return tuple(Indicator(name, level, unit, sources, kind, higher_is) for level in levels for name in names)


INDICATORS: tuple[Indicator, ...] = (
    *_many(_UNIT_AND_PROVINCE, ["people"], "persons", ("units",)),
    *_many(("unit",), ["households"], "households", ("units",)),
    *_many(_UNIT_AND_PROVINCE, ["area_km2"], "km2", ("units",)),
    *_many(_UNIT_AND_PROVINCE, ["density_per_km2"], "per_km2", ("units",)),
    *_many(
        ("unit", "village", "province"),
        ["people_covered_any_pct"],
        "%",
        (*_SIGNAL, *_PEOPLE, "village_clusters"),
        "better",
    ),
    *_many(
        ("unit", "village", "province"),
        ["people_covered_{technology}_pct"],
        "%",
        (*_SIGNAL, *_PEOPLE, "village_clusters"),
        "better",
    ),
    *_many(_UNIT_AND_PROVINCE, ["people_covered_{technology}_{operator}_pct"], "%", (*_SIGNAL, *_PEOPLE), "better"),
    *_many(_UNIT_AND_PROVINCE, ["people_covered_exactly_one_operator_pct"], "%", (*_SIGNAL, *_PEOPLE)),
    *_many(_UNIT_AND_PROVINCE, ["people_signal_unknown_pct"], "%", (*_SIGNAL, *_PEOPLE), "worse"),
    *_many(
        _UNIT_AND_PROVINCE,
        ["area_covered_any_pct", "area_covered_{technology}_pct", "area_covered_{technology}_{operator}_pct"],
        "%",
        (*_SIGNAL, "units"),
        "better",
    ),
    *_many(_UNIT_AND_PROVINCE, ["sites_count"], "sites", ("sites",), "better"),
    *_many(("unit",), ["bts_count"], "bts", ("sites", "sectors"), "better"),
    *_many(_UNIT_AND_PROVINCE, ["nearest_site_km"], "km", ("sites", *_PEOPLE), "worse"),
    *_many(("village",), ["nearest_site_km"], "km", ("sites", "villages"), "worse"),
    *_many(_UNIT_AND_PROVINCE, ["points_{service}_count"], "points", (_POINTS,), "better"),
    *_many(_UNIT_AND_PROVINCE, ["people_per_{service}_point"], "persons_per_point", (_POINTS, "units"), "worse"),
    *_many(_UNIT_AND_PROVINCE, ["mean_service_radius_{service}_km"], "km", (_POINTS, "units"), "worse"),
    *_many(_UNIT_AND_PROVINCE, ["mean_distance_{service}_km"], "km", (_POINTS, *_PEOPLE), "worse"),
    *_many(_UNIT_AND_PROVINCE, ["people_within_{limit}_{service}_pct"], "%", (_POINTS, *_PEOPLE), "better"),
    *_many(_UNIT_AND_PROVINCE, ["mean_time_{service}_min"], "min", (_POINTS, *_PEOPLE, *_GROUND), "worse"),
    *_many(_UNIT_AND_PROVINCE, ["people_unreached_{service}_pct"], "%", (_POINTS, *_PEOPLE, *_GROUND), "worse"),
    *_many(_UNIT_AND_PROVINCE, ["access_{service}"], "supply_per_10000", (_POINTS, *_PEOPLE, *_GROUND), "better"),
    *_many(_UNIT_AND_PROVINCE, ["people_nothing_in_reach_{service}_pct"], "%", (_POINTS, *_PEOPLE, *_GROUND), "worse"),
    *_many(("unit",), ["has_{service}"], "yes_no", (_POINTS,), "better", "yes_no"),
    *_many(("unit",), ["same_day_mail"], "yes_no", ("postal_points",), "better", "yes_no"),
    *_many(
        _UNIT_AND_PROVINCE,
        ["broadband_per_100", "telephones_per_100", "fixed_per_100"],
        "per_100",
        ("broadband", "units"),
        "better",
    ),
    *_many(_UNIT_AND_PROVINCE, ["adsl_per_100", "fttx_per_100"], "per_100", ("broadband", "units"), "better"),
    *_many(
        _UNIT_AND_PROVINCE,
        ["broadband_per_100_households", "adsl_per_100_households", "fttx_per_100_households"],
        "per_100_households",
        ("broadband", "units"),
        "better",
    ),
    *_many(_UNIT_AND_PROVINCE, ["broadband_growth_pct"], "%", ("broadband",), "better"),
    *_many(
        ("unit",),
        ["telephone_access_point", "public_internet_point", "fibre_to_commune"],
        "yes_no",
        ("broadband",),
        "better",
        "yes_no",
    ),
    *_many(
        _UNIT_AND_PROVINCE,
        ["{facility}_{network}_pct", "institutions_lan_broadband_pct"],
        "%",
        ("facilities",),
        "better",
    ),
    *_many(_UNIT_AND_PROVINCE, ["readiness_score"], "of_100", ("facilities", "units"), "better"),
    *_many(_UNIT_AND_PROVINCE, ["readiness_known_pct"], "%", ("facilities", "units")),
    *_many(("unit",), ["government_network"], "yes_no", ("facilities",), "better", "yes_no"),
    *_many(_UNIT_AND_PROVINCE, ["elevation_mean_m"], "m", ("elevation", "units")),
    *_many(("unit", "village"), ["area_at_200m_pct", "area_slope_15_pct"], "%", (*_HOMES, "elevation")),
    *_many(("unit",), ["villages_mountainous_pct"], "%", (*_HOMES, "elevation")),
    *_many(("unit", "village"), ["minority_people"], "persons", ("units", "villages")),
    *_many(("unit", "village"), ["minority_people_pct"], "%", ("units", "villages")),
    *_many(("unit",), ["borders_land_km", "borders_sea_km"], "km", ("units", "borders")),
    *_many(("unit",), ["outline_coast_pct"], "%", ("units", "borders")),
    *_many(("unit", "village"), ["time_to_centre_min"], "min", ("facilities", *_PEOPLE, *_GROUND), "worse"),
    *_many(("unit", "village"), ["mountainous"], "yes_no", (*_HOMES, "elevation"), kind="yes_no"),
    *_many(("unit", "village"), ["land_border", "sea_border", "island"], "yes_no", ("units", "borders"), kind="yes_no"),
    *_many(("unit", "village"), ["ethnic_minority", "programme"], "yes_no", ("units", "villages"), kind="yes_no"),
    *_many(("unit", "village"), ["remote"], "yes_no", ("facilities", *_PEOPLE, *_GROUND), kind="yes_no"),
    *_many(("village",), ["centre_level_{technology}_dbm"], "dBm", (*_SIGNAL, "villages"), "better"),
    *_many(
        ("village",),
        ["centre_covered_any", "centre_covered_{technology}"],
        "yes_no",
        (*_SIGNAL, "villages"),
        "better",
        "yes_no",
    ),
    *_many(
        ("village",),
        ["clusters_uncovered", "clusters_uncovered_{technology}"],
        "clusters",
        (*_SIGNAL, "village_clusters", *_PEOPLE),
        "worse",
    ),
    *_many(("village",), ["operators_at_centre_count"], "operators", (*_SIGNAL, "villages"), "better"),
    *_many(
        ("village",),
        ["observed_signal_any", "observed_signal_{technology}"],
        "yes_no",
        ("signal_reports", "villages"),
        "better",
        "yes_no",
    ),
    *_many(
        ("village",),
        ["observed_clusters_uncovered", "observed_clusters_uncovered_{technology}"],
        "clusters",
        ("signal_reports", "villages", "village_clusters"),
        "worse",
    ),
    *_many(
        ("village",),
        ["observed_operators_at_centre_count"],
        "operators",
        ("signal_reports", *_SIGNAL, "villages"),
        "better",
    ),
    *_many(("village",), ["elevation_m"], "m", ("elevation", "villages")),
    *_many(("village",), ["time_{service}_min"], "min", (_POINTS, "villages", *_GROUND), "worse"),
    *_many(("village",), ["distance_{service}_km"], "km", (_POINTS, "villages"), "worse"),
    *_many(("village",), ["cut_off_{service}"], "yes_no", (_POINTS, "villages", *_GROUND), "worse", "yes_no"),
    *_many(("province",), ["elevation_people_mean_m"], "m", ("elevation", *_PEOPLE)),
    *_many(("province",), ["mean_service_radius_{service}_units_area_km"], "km", (_POINTS, "units"), "worse"),
    *_many(("province",), ["communes_with_{service}_pct"], "%", (_POINTS, "units"), "better"),
    *_many(("province",), ["counted_communes", "programme_communes"], "communes", ("units",)),
    *_many(("province",), ["same_day_mail_communes"], "communes", ("postal_points", "units"), "better"),
    *_many(
        ("province",),
        ["telephone_access_communes_pct", "public_internet_communes_pct", "fibre_communes_pct"],
        "%",
        ("broadband", "units"),
        "better",
    ),
    *_many(("province",), ["government_network_communes_pct"], "%", ("facilities", "units"), "better"),
    *_many(("province",), ["bts_in_operation"], "bts", ("sites", "sectors"), "better"),
    *_many(("province",), ["programme_people"], "persons", ("units",)),
    *_many(("province",), ["programme_fixed_telephones"], "telephones", ("broadband", "units"), "better"),
    *_many(("province",), ["programme_fixed_per_100"], "per_100", ("broadband", "units"), "better"),
    *_many(
        ("province",),
        ["{facility}_{network}_lowland_pct", "{facility}_{network}_mountain_pct"],
        "%",
        ("facilities", "units", "elevation"),
        "better",
    ),
    *_many(("province",), ["mean_download_{technology}_mbit_s"], "Mbit/s", PUBLISHED, "better"),
    *_many(("province",), ["fibre_households_pct"], "%", PUBLISHED, "better"),
    *_many(("province",), ["postal_operators"], "operators", ("postal_points",)),
    *_many(("province",), ["telecom_operators"], "operators", ("sectors",)),
)


def slug(name: str) -> str:
    """An operator's name as part of an id: lower case, no tones, joined by "_" ("Viettel Mobile": viettel_mobile)."""
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "_", letters).strip("_") or "operator"


def operator_slugs(operators: Iterable[str]) -> dict[str, str]:
    """Slug of each operator, all different: names that fall together get _2, _3, ... in sorted order."""
    slugs: dict[str, str] = {}
    for name in sorted(set(operators)):
        base = made = slug(name)
        number = 1
        while made in slugs.values():
            number += 1
            made = f"{base}_{number}"
        slugs[name] = made
    return slugs


def expand(
    level: Level,
    *,
    technologies: Sequence[str],
    operators: Iterable[tuple[str, str]] = (),
    services: Iterable[str] = (),
    facilities: Iterable[str] = (),
) -> tuple[Indicator, ...]:
    """The indicators of one level as a study has them, in the order of its table's columns.

    ``operators``: (technology, operator) pairs that exist; others get no column. ``services``, ``facilities``: ids of
    those the study has.
    """
    pairs = set(operators)
    slugs = operator_slugs(operator for _, operator in pairs)
    parts: dict[str, list[dict[str, str]]] = {
        "technology": [{"technology": one} for one in technologies],
        "operator": [{"operator": one} for one in sorted(slugs)],
        "service": [{"service": one} for one in services],
        "facility": [{"facility": one} for one in facilities],
        "network": [{"network": one} for one in NETWORKS],
    }
    found: list[Indicator] = []
    for declared in INDICATORS:
        if declared.level != level or declared.sources == PUBLISHED:
            continue
        fills: list[dict[str, str]] = [{}]
        for name in _fields(declared.id):
            if name == "limit":
                continue
            fills = [fill | more for fill in fills for more in parts[name]]
        if "{limit}" in declared.id:
            fills = [fill | {"limit": limit} for fill in fills for limit in _known_services()[fill["service"]].limits]
        for fill in fills:
            if "operator" in fill and (fill["technology"], fill["operator"]) not in pairs:
                continue
            if _fits(declared, fill):
                words = {**fill, "technology": fill.get("technology", "").lower()}
                made = declared.id.format(**words | {"operator": slugs.get(fill.get("operator", ""), "")})
                found.append(_filled(declared, made, fill))
    return tuple(found)


def find(indicator_id: str, *, level: Level | None = None, operators: Iterable[str] = ()) -> Indicator:
    """The indicator of an id as it stands in a table; ``operators`` turn the slug of an id back into a name.

    Raises:
        MissingError: no such indicator (at this level).
    """
    for declared, pattern in _patterns():
        match = pattern.fullmatch(indicator_id)
        if match and level in (None, declared.level):
            fill = match.groupdict()
            if not _fits(declared, fill):
                continue
            names = {made: name for name, made in operator_slugs(operators).items()}
            if "operator" in fill:
                fill["operator"] = names.get(fill["operator"], fill["operator"])
            if "technology" in fill:
                fill["technology"] = fill["technology"].upper()
            return _filled(declared, indicator_id, fill)
    raise MissingError("error.no_indicator", indicator=indicator_id)


def _filled(declared: Indicator, made: str, fill: Mapping[str, str]) -> Indicator:
    """The declared indicator as one of a study's; a service tells its layer and for how many people supply is told."""
    sources, unit = declared.sources, declared.unit
    if "service" in fill:
        service = _known_services()[fill["service"]]
        sources = tuple(service.layer if source == _POINTS else source for source in sources)
        if fill.get("limit", "").endswith("min") or (service.distance == "path" and "km" in made):
            sources = tuple(dict.fromkeys((*sources, *_GROUND)))
        unit = f"supply_per_{service.per}" if unit.startswith("supply_per") else unit
    found = replace(declared, id=made, template=declared.id, unit=unit, sources=sources)
    return replace(
        found,
        technology=fill.get("technology", ""),
        operator=fill.get("operator", ""),
        service=fill.get("service", ""),
        limit=fill.get("limit", ""),
        facility=fill.get("facility", ""),
        network=fill.get("network", ""),
    )


def _fits(declared: Indicator, fill: Mapping[str, str]) -> bool:
    """Whether an indicator is told of the service (and limit) that fills it."""
    if "service" not in fill:
        return True
    service = _known_services()[fill["service"]]
    if "limit" in fill and fill["limit"] not in service.limits:
        return False
    return (service.timed or declared.id in _CABLE) and (service.decay is not None or declared.id not in _SHARED)


def indicator_label(indicator_id: str, lang: Lang, *, operators: Iterable[str] = ()) -> str:
    """Name of an indicator in words, such as "People with 2G signal of Viettel"."""
    return _text(find(indicator_id, operators=operators), "name", lang)


def indicator_about(indicator_id: str, lang: Lang, *, operators: Iterable[str] = ()) -> str:
    """What an indicator counts, and when it has no data."""
    return _text(find(indicator_id, operators=operators), "about", lang)


def indicator_unit(indicator_id: str, lang: Lang) -> str:
    """Unit of measure of an indicator in words or as a symbol ("%", "km", "people")."""
    unit = find(indicator_id).unit
    return say(f"measure.{unit}", lang) if has(f"measure.{unit}") else unit


def labels(indicators: Iterable[Indicator], lang: Lang) -> Mapping[str, str]:
    """Name of each expanded indicator by id, with the operators' own names."""
    return {one.id: _text(one, "name", lang) for one in indicators}


def _text(indicator: Indicator, part: str, lang: Lang) -> str:
    limit = re.fullmatch(r"([0-9.]+)(km|min)", indicator.limit)
    return say(
        f"{indicator.text_code}.{part}",
        lang,
        technology=indicator.technology,
        operator=indicator.operator,
        service=Text(f"service.{indicator.service}.name") if indicator.service else "",
        limit=say(f"access.limit.{limit[2]}", lang, value=plain(float(limit[1]), lang)) if limit else "",
        way=Text(_way(indicator)) if indicator.service else "",
        facility=Text(f"facility.{indicator.facility}.name") if indicator.facility else "",
        network=Text(f"network.{indicator.network}.name") if indicator.network else "",
    )


def _way(indicator: Indicator) -> str:
    """Code of the words for what a distance or a time of a service goes by: straight, a cable's way, how people go."""
    service = _known_services()[indicator.service]
    by_km = indicator.unit == "km" or indicator.limit.endswith("km")
    return f"access.way.{service.distance}" if by_km else f"travel.mode.{service.mode}"


@cache
def _known_services() -> dict[str, Service]:
    return {one.id: one for one in services()}


def _fields(declared_id: str) -> list[str]:
    """The names in braces, each once."""
    return list(dict.fromkeys(re.findall(r"\{(\w+)\}", declared_id)))


@cache
def _patterns() -> tuple[tuple[Indicator, re.Pattern[str]], ...]:
    """Declared indicators with the pattern of their ids: plain ids first, then by technology, then by operator."""
    words = {
        "technology": "|".join(t.lower() for t in TECHNOLOGIES),
        "operator": "[a-z0-9_]+",
        "service": "|".join(_known_services()),
        "limit": "[0-9.]+(?:km|min)",
        "facility": "|".join(FACILITIES),
        "network": "|".join(NETWORKS),
    }
    rows = []
    for declared in sorted(INDICATORS, key=lambda one: one.id.count("{")):
        text = re.escape(declared.id).replace(r"\{", "{").replace(r"\}", "}")
        for name in _fields(declared.id):
            text = text.replace(f"{{{name}}}", f"(?P<{name}>{words[name]})")
        rows.append((declared, re.compile(text)))
    return tuple(rows)
