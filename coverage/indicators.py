"""The indicators, declared once: id, level, unit of measure, source layers; their texts are messages ``indicator.*``.

Ids with ``{technology}`` or ``{operator}`` stand for one indicator a technology or operator of the study: ``expand``
lists them, ``find`` reads an id back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from phusong.layers.errors import MissingError
from phusong.layers.messages import Lang, has, say
from phusong.layers.schema import TECHNOLOGIES

Level = Literal["unit", "village", "province"]
Kind = Literal["number", "yes_no"]
Sense = Literal["better", "worse", "neutral"]

CLASSES = ("mountainous", "land_border", "sea_border", "island", "ethnic_minority", "programme")


@dataclass(frozen=True)
class Indicator:
    """One indicator. ``unit``: code of the unit of measure (``measure.<unit>`` where it needs words).

    ``sources``: layers and rasters it is computed from. ``higher_is``: what a higher value means for people.
    ``template``: the declared id, with braces; ``technology`` and ``operator`` fill it ("" where it has none).
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

    @property
    def text_code(self) -> str:
        """Where the catalogue keeps its texts: ``<text_code>.name`` and ``<text_code>.about``."""
        return "indicator." + (self.template or self.id).replace("{", "").replace("}", "")


_SIGNAL = ("sites", "sectors", "elevation")
_PEOPLE = ("units", "villages", "population")
_UNIT_AND_PROVINCE: tuple[Level, ...] = ("unit", "province")


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
    *_many(_UNIT_AND_PROVINCE, ["postal_points_count"], "points", ("postal_points",), "better"),
    *_many(_UNIT_AND_PROVINCE, ["people_per_postal_point"], "persons_per_point", ("postal_points", "units"), "worse"),
    *_many(_UNIT_AND_PROVINCE, ["mean_service_radius_km"], "km", ("postal_points", "units"), "worse"),
    *_many(_UNIT_AND_PROVINCE, ["people_within_3km_post_pct"], "%", ("postal_points", *_PEOPLE), "better"),
    *_many(("unit",), ["same_day_mail"], "yes_no", ("postal_points",), "better", "yes_no"),
    *_many(
        _UNIT_AND_PROVINCE,
        ["broadband_per_100", "telephones_per_100", "fixed_per_100"],
        "per_100",
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
        ["lower_secondary_online_pct", "institutions_lan_broadband_pct"],
        "%",
        ("facilities",),
        "better",
    ),
    *_many(("unit",), ["government_network"], "yes_no", ("facilities",), "better", "yes_no"),
    *_many(_UNIT_AND_PROVINCE, ["elevation_mean_m"], "m", ("elevation", "units")),
    *_many(("unit",), ["mountainous"], "yes_no", ("units", "elevation", "villages", "village_areas"), kind="yes_no"),
    *_many(("unit",), CLASSES[1:], "yes_no", ("units",), kind="yes_no"),
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
        (*_SIGNAL, "village_clusters"),
        "worse",
    ),
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
    *_many(("village",), ["elevation_m"], "m", ("elevation", "villages")),
    *_many(("province",), ["elevation_people_mean_m"], "m", ("elevation", *_PEOPLE)),
    *_many(("province",), ["mean_service_radius_units_area_km"], "km", ("postal_points", "units"), "worse"),
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
        ["lower_secondary_online_lowland_pct", "lower_secondary_online_mountain_pct"],
        "%",
        ("facilities", "units", "elevation"),
        "better",
    ),
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
    level: Level, *, technologies: Sequence[str], operators: Iterable[tuple[str, str]] = ()
) -> tuple[Indicator, ...]:
    """The indicators of one level as a study has them, in the order of its table's columns.

    ``operators``: (technology, operator) pairs that exist; others get no column.
    """
    pairs = set(operators)
    slugs = operator_slugs(operator for _, operator in pairs)
    found: list[Indicator] = []
    for declared in INDICATORS:
        if declared.level != level:
            continue
        techs = list(technologies) if "{technology}" in declared.id else [""]
        names = sorted(slugs) if "{operator}" in declared.id else [""]
        for technology in techs:
            for operator in names:
                if operator and (technology, operator) not in pairs:
                    continue
                made = declared.id.format(technology=technology.lower(), operator=slugs.get(operator, ""))
                found.append(replace(declared, id=made, template=declared.id, technology=technology, operator=operator))
    return tuple(found)


def find(indicator_id: str, *, level: Level | None = None, operators: Iterable[str] = ()) -> Indicator:
    """The indicator of an id as it stands in a table; ``operators`` turn the slug of an id back into a name.

    Raises:
        MissingError: no such indicator (at this level).
    """
    for declared, pattern in _patterns():
        match = pattern.fullmatch(indicator_id)
        if match and level in (None, declared.level):
            parts = match.groupdict()
            names = {made: name for name, made in operator_slugs(operators).items()}
            operator = parts.get("operator", "")
            return replace(
                declared,
                id=indicator_id,
                template=declared.id,
                technology=parts.get("technology", "").upper(),
                operator=names.get(operator, operator),
            )
    raise MissingError("error.no_indicator", indicator=indicator_id)


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
    return say(f"{indicator.text_code}.{part}", lang, technology=indicator.technology, operator=indicator.operator)


@cache
def _patterns() -> tuple[tuple[Indicator, re.Pattern[str]], ...]:
    """Declared indicators with the pattern of their ids: plain ids first, then by technology, then by operator."""
    technology = "(?P<technology>" + "|".join(t.lower() for t in TECHNOLOGIES) + ")"
    rows = []
    for declared in sorted(INDICATORS, key=lambda one: one.id.count("{")):
        text = re.escape(declared.id).replace(r"\{technology\}", technology)
        rows.append((declared, re.compile(text.replace(r"\{operator\}", "(?P<operator>[a-z0-9_]+)"))))
    return tuple(rows)
