"""The lists there are, as data: which file each comes from, its columns, its filters and how it is ordered.

A heading is the message ``list.column.<id>``, a title ``list.title.<list>``, a unit of measure ``measure.<unit>`` or
the unit itself. A column whose file lacks it, or that has no value in any row, is left out where it is ``optional``.
"""

from __future__ import annotations

from dataclasses import dataclass

from phusong.layers.writers.lists import Kind


@dataclass(frozen=True)
class Col:
    """A column of a list. ``words``: message prefix of its codes (several codes joined by ";" are said one by one)."""

    id: str
    kind: Kind = "text"
    unit: str = ""
    decimals: int = 0
    width: float = 12.0
    total: bool = False
    words: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Spec:
    """A list: stem of its file, what a row is, columns, the filters it takes, and its order within a group.

    ``group``: the column its rows are grouped and summed by, "" for none; it is left out where nothing is known of it.
    ``order``: columns it is sorted by when not by name.
    """

    stem: str
    counted: str
    columns: tuple[Col, ...]
    filters: tuple[str, ...]
    order: tuple[str, ...] = ("rank",)
    group: str = "district"


_PLACE = (Col("code", "code", width=10), Col("name", width=22))
_DISTRICT = Col("district", width=16, optional=True)
_PEOPLE = (
    Col("population", "number", "persons", width=10, total=True),
    Col("people_affected", "number", "persons", width=11, total=True),
)
_CLASSES = Col("classes", width=24, words="map.word", optional=True)
_REASONS = Col("reasons", width=62)
_BASIS = Col("basis", width=15, words="map.word", optional=True)
_OF_REASONS = ("service", "class", "district", "operator", "rule", "basis", "min_people", "threshold")

_TARGETS = (
    Col("indicator", width=46),
    Col("unit", width=13),
    Col("published", "plain", decimals=2, width=11),
    Col("published_as_of", "date", width=11, optional=True),
    Col("computed", "plain", decimals=2, width=11),
    Col("target", width=10),
    Col("met", width=12, words="report.met"),
    Col("met_published", width=12, words="report.met", optional=True),
    Col("distance", "plain", decimals=2, width=10, optional=True),
    Col("build", width=24, optional=True),
    Col("standing", width=14, words="list.standing", optional=True),
    Col("document", width=30, optional=True),
)

SPECS: dict[str, Spec] = {
    "communes": Spec(
        "gaps",
        "communes",
        (
            Col("rank", "number", width=7),
            Col("rank_range", width=9, optional=True),
            *_PLACE,
            _DISTRICT,
            *_PEOPLE,
            Col("need_index", "number", "of_100", 1, width=9),
            Col("gap_villages", "number", width=9, total=True, optional=True),
            _CLASSES,
            _REASONS,
            _BASIS,
        ),
        _OF_REASONS,
    ),
    "villages": Spec(
        "gap_villages",
        "villages",
        (
            Col("rank", "number", width=7),
            Col("code", "code", width=11),
            Col("name", width=20),
            Col("unit_name", width=18),
            _DISTRICT,
            Col("signal_state", width=13, words="list.signal_state", optional=True),
            *_PEOPLE,
            Col("grid_power", "yes_no", width=8),
            Col("operators_count", "number", width=9, optional=True),
            Col("observed", "yes_no", width=9, optional=True),
            Col("predicted", "yes_no", width=9, optional=True),
            Col("nearest_covered_village_km", "number", "km", 1, width=10, optional=True),
            Col("nearest_site_km", "number", "km", 1, width=10, optional=True),
            Col("reasons", width=52),
            _BASIS,
        ),
        (*_OF_REASONS, "state"),
    ),
    "not-assessable": Spec(
        "not_judged",
        "rows",
        (
            Col("level", width=9, words="list.level"),
            *_PLACE,
            Col("unit_name", width=20, optional=True),
            _DISTRICT,
            Col("indicator", width=46),
            Col("why", width=34, words="list.why"),
            Col("rule", width=26),
            Col("pack", width=18),
        ),
        ("service", "class", "district", "rule"),
        order=("level", "name", "code", "rule"),
    ),
    "totals": Spec(
        "gap_totals",
        "rows",
        (
            Col("service", width=30),
            Col("units", "number", width=12),
            Col("villages", "number", width=12),
            Col("none_at_centre", "number", width=12),
            Col("none_at_cluster", "number", width=12),
            Col("one_operator", "number", width=12, optional=True),
            Col("people_affected", "number", "persons", width=14),
            Col("unknown", "number", width=14),
        ),
        ("service", "district"),
        order=(),
    ),
    "targets": Spec("targets", "targets", _TARGETS, ("service", "rule"), order=(), group=""),
    "district-targets": Spec("targets", "targets", _TARGETS, ("service", "rule", "district"), order=()),
    "progress": Spec(
        "pace",
        "rows",
        (
            Col("indicator", width=40),
            Col("basis", width=12, words="list.figure"),
            Col("unit", width=12),
            Col("dates", "number", width=7),
            Col("value", "plain", decimals=2, width=10),
            Col("to", "date", width=11),
            Col("pace_per_year", "plain", decimals=2, width=10),
            Col("needed_per_year", "plain", decimals=2, width=10),
            Col("on_pace", width=9, words="format"),
            Col("target", width=10),
            Col("target_on", "date", width=11),
            Col("reaches_on", "date", width=11),
            Col("method", width=14, words="list.method"),
            Col("forecast", "plain", decimals=2, width=10),
            Col("low", "plain", decimals=2, width=9),
            Col("high", "plain", decimals=2, width=9),
        ),
        ("district", "rule"),
        order=(),
    ),
    "plan": Spec(
        "plan",
        "sites",
        (
            Col("rank", "number", width=7),
            Col("name", width=22),
            Col("unit_name", width=20),
            _DISTRICT,
            Col("kind", width=14, words="report.kind"),
            Col("technology", "code", width=9),
            Col("height_m", "number", "m", width=8),
            Col("cost_bn_vnd", "number", "bn_vnd", 2, width=10, total=True),
            Col("people_new", "number", "persons", width=11, total=True),
            Col("people_per_bn_vnd", "number", "persons_per_bn_vnd", width=11),
            Col("off_grid", "yes_no", width=8),
            Col("border", "yes_no", width=8),
            Col("lon", "number", "°", 5, width=11),
            Col("lat", "number", "°", 5, width=11),
        ),
        ("class", "district", "min_people"),
    ),
    "classes": Spec(
        "classes",
        "rows",
        (
            Col("level", width=9, words="list.level"),
            *_PLACE,
            _DISTRICT,
            Col("class", width=20, words="map.word"),
            Col("official", "yes_no", width=9),
            Col("computed", "yes_no", width=9),
            Col("used", "yes_no", width=9),
            Col("differs", "yes_no", width=9, optional=True),
            Col("derived", width=10, words="format", optional=True),
            Col("hinges_on", width=16, words="list.hinges_on", optional=True),
            Col("evidence", width=62, optional=True),
            Col("source", width=30, optional=True),
        ),
        ("class", "district"),
        order=("level", "name", "code", "class"),
    ),
    "ranking": Spec(
        "ranking",
        "communes",
        (
            Col("rank", "number", width=7),
            *_PLACE,
            _DISTRICT,
            Col("need_index", "number", "of_100", 1, width=9, optional=True),
            Col("rank_low", "number", width=9),
            Col("rank_high", "number", width=9),
            Col("in_first_pct", "number", "%", 0, width=10),
            Col("depends", width=9, words="format", optional=True),
            Col("depends_on", width=40, words="ranking.choice", optional=True),
        ),
        ("class", "district"),
        group="",
    ),
}

REASONS = (
    Col("name", width=22),
    Col("unit_name", width=18, optional=True),
    _DISTRICT,
    Col("text", width=52),
    Col("value", "plain", decimals=2, width=10),
    Col("comparison", "code", width=7),
    Col("threshold", "plain", decimals=2, width=10),
    Col("margin", "plain", decimals=2, width=10),
    Col("unit", width=13),
    Col("people_affected", "number", "persons", width=11),
    Col("basis", width=15, words="map.word"),
    Col("standing", width=14, words="list.standing", optional=True),
    Col("valid_from", "date", width=11, optional=True),
    Col("source", width=34),
)
"""Columns of the second sheet of the lists of gaps: a row a rule that is failed."""

CHANGES = (
    Col("code", "code", width=11),
    Col("name", width=22),
    Col("unit_name", width=18, optional=True),
    _DISTRICT,
    Col("rule", width=24, optional=True),
    Col("rank_before", "number", width=9, optional=True),
    Col("rank", "number", width=9, optional=True),
    Col("rank_change", "number", width=10, optional=True),
    Col("people_affected_before", "number", "persons", width=12, optional=True),
    Col("people_affected", "number", "persons", width=12, optional=True),
    Col("margins_moved", "number", width=12, optional=True),
    Col("was_pct", "number", "%", width=12, optional=True),
)
"""Columns of what changed since an older list, grouped by the kind of change."""

MARGINS = (
    Col("code", "code", width=11),
    Col("name", width=22),
    Col("rule", width=26),
    Col("value_before", "plain", decimals=2, width=11),
    Col("value", "plain", decimals=2, width=11),
    Col("margin_before", "plain", decimals=2, width=11),
    Col("margin", "plain", decimals=2, width=11),
    Col("margin_change", "plain", decimals=2, width=11),
    Col("unit", width=13),
)
"""Columns of the margins before and now; no data where the rule was, or is, not failed."""
