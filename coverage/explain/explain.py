"""A commune explained: what is missing, for whom, by how much, since when, on what basis, what would cure it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from phusong.coverage.explain.cures import cures, indicator_text
from phusong.coverage.explain.known import Known, Row
from phusong.coverage.explain.statement import Amount, Param, Several, Statement, Words
from phusong.coverage.gap_tables import CLASS_UNKNOWN
from phusong.layers.messages import LANGS, Text, has

STATES = ("none_at_centre", "none_at_cluster", "one_operator", "")
"""States of the signal of a village with a gap, worst first; "": its gap is of another kind."""
SPREAD_SHARE = 0.15
"""Gap villages whose middle lies within this share of the commune's breadth from its own middle lie all over it."""
COMPASS = ("n", "ne", "e", "se", "s", "sw", "w", "nw")


def explain(known: Known) -> tuple[Statement, ...]:
    """The statements on one commune, ordered for reading: by topic, and in a topic the worst first.

    A statement holds nothing that the results do not: no data is said to be no data, never left out. A commune without
    gaps has no statement on what is missing or would cure it.
    """
    parts: Sequence[Callable[[Known], Iterator[Statement]]] = (
        _summary,
        _missing,
        _villages,
        cures,
        _ranking,
        _unknown,
        _where,
    )
    return tuple(statement for part in parts for statement in part(known))


def _summary(known: Known) -> Iterator[Statement]:
    failed = len({row["rule"] for row in known.reasons})
    judged = _judged(known)
    villages = len(known.gap_villages)
    name = str(known.unit["name"])
    counts: dict[str, Param] = {"name": name, "judged": judged}
    of_villages: dict[str, Param] = {"count": villages, "all": len(known.villages)}
    if failed:
        people = None if known.gap is None else known.gap.get("people_affected")
        of_all = known.unit.get("people")
        counts |= {"failed": failed}
        if people is None or of_all is None:
            yield Statement("summary", "summary.gap_people_unknown", counts)
        else:
            counts |= {"affected": Amount(people, "persons", most=0), "people": Amount(of_all, "", most=0)}
            yield Statement("summary", "summary.gap_all" if people >= of_all else "summary.gap", counts)
        if villages:
            code = "summary.villages_all" if villages == len(known.villages) > 1 else "summary.villages_too"
            yield Statement("summary", code, of_villages)
    elif villages:
        yield Statement(
            "summary", "summary.villages_only" if judged else "summary.villages_alone", counts | of_villages
        )
    elif judged:
        yield Statement("summary", "summary.none", counts)
    else:
        yield Statement("summary", "summary.not_judged", counts)
    names = [_class(row) for row in known.classes if row.get("used")]
    if names:
        yield Statement("summary", "summary.classes", {"classes": Several(tuple(names), most=20)})
    for row in known.classes:
        if row.get("official") is not None and row.get("computed") is not None and row["official"] != row["computed"]:
            code = "summary.class_not_computed" if row["official"] else "summary.class_not_official"
            yield Statement("summary", code, {"class": _class(row)}, after=True)


def _judged(known: Known) -> int:
    """How many rules on communes could be judged for it: those asked of it less those without an answer."""
    open_ = {row["rule"] for row in known.not_judged if row["level"] == "unit"}
    asked = {rule for rule, row in known.rules.items() if row["level"] == "unit" and _applies(known, row)}
    return len(asked - open_)


def _applies(known: Known, rule: Row) -> bool:
    """Whether a rule asks anything of the commune, by the class used; where that is not known it stands open."""
    to = str(rule.get("applies_to") or "all")
    if to == "all":
        return True
    member = known.unit.get(to.removeprefix("not "))
    return member is None or bool(member) != to.startswith("not ")


def _class(row: Row) -> Text | str:
    code = f"map.word.{row['class']}"
    return Text(code) if has(code) else str(row["class"])


# what is missing


def _missing(known: Known) -> Iterator[Statement]:
    for row in known.reasons:
        rule = known.rules.get(row["rule"], {})
        said = Words({lang: str(row[f"text_{lang}"]) for lang in LANGS})
        yield Statement("missing", "missing.reason", {"sentence": said}, rule=row["rule"])
        for code, params in (_whom(known, row), _since(known, row, rule), _basis(row), _standing(known, row, rule)):
            yield Statement("missing", f"missing.{code}", params, rule=row["rule"], after=True)
        if row.get("override_reason"):
            params = {"reason": str(row["override_reason"])}
            yield Statement("missing", "missing.override", params, rule=row["rule"], after=True)


def _whom(known: Known, row: Row) -> tuple[str, dict[str, Param]]:
    people, of_all = row.get("people_affected"), known.unit.get("people")
    if people is None:
        return "people_unknown", {}
    told: dict[str, Param] = {"people": Amount(people, "persons", most=0)}
    if not of_all:
        return "people_only", told
    if people >= of_all:
        return "people_all", told
    return "people", told | {"share": Amount(100.0 * people / of_all, "%")}


def _since(known: Known, row: Row, rule: Row) -> tuple[str, dict[str, Param]]:
    """Since when the rule holds, and of which day the finding is: of the newest report where reports decided."""
    on = row.get("observed_as_of") or known.as_of
    valid_from = row.get("valid_from") or rule.get("valid_from")
    if valid_from is None:
        return "since.day", {"day": on}
    return "since.rule", {"day": on, "valid_from": valid_from}


def _basis(row: Row) -> tuple[str, dict[str, Param]]:
    return f"basis.{row['basis']}", {}


def _standing(known: Known, row: Row, rule: Row) -> tuple[str, dict[str, Param]]:
    source = str(row.get("source") or rule.get("source") or "-")
    standing = row.get("standing") or rule.get("standing") or "any"
    if cited := known.cited.get(str(row["rule"])):
        return f"standing.{standing}", {"source": Words({lang: cited[lang].rstrip(".") for lang in LANGS})}
    return f"standing.{standing}", {"source": source.rstrip(".")}


# villages


def _villages(known: Known) -> Iterator[Statement]:
    named = known.village_names()
    for state in STATES:
        rows = [row for row in known.gap_villages if (row.get("signal_state") or "") == state]
        if not rows:
            continue
        people = [float(row["people_affected"]) for row in rows if row.get("people_affected") is not None]
        params: dict[str, Param] = {"count": len(rows), "names": _named(rows, named)}
        code = f"villages.{state or 'other'}"
        if len(people) == len(rows):
            params |= {"people": Amount(math.fsum(people), "persons", most=0)}
        else:
            code += "_people_unknown"
        yield Statement("villages", code, params, places=_codes(rows))
        stood_in = [row for row in rows if row.get("clusters_basis") == "populated_cells"]
        if state == "none_at_cluster" and stood_in:
            yield Statement("villages", "villages.clusters_stand_in", {"count": len(stood_in)}, after=True)
    dark = [row for row in known.gap_villages if row.get("signal_state") in ("none_at_centre", "none_at_cluster")]
    at_centre = [row for row in dark if row["signal_state"] == "none_at_centre"]
    for code, rows in (
        ("both", [row for row in at_centre if row.get("observed") is False and row.get("predicted") is False]),
        ("reported_only", [row for row in at_centre if row.get("observed") is False and row.get("predicted") is True]),
        ("model_only", [row for row in dark if row.get("observed") is None]),
        ("no_power", [row for row in dark if row.get("grid_power") is False]),
    ):
        if rows:
            params = {"count": len(rows), "names": _named(rows, named)}
            yield Statement("villages", f"villages.{code}", params, places=_codes(rows))
    yield from _farthest(dark, named)


def _farthest(dark: list[Row], named: dict[str, str]) -> Iterator[Statement]:
    """The village farthest from one with signal."""
    known = [row for row in dark if row.get("nearest_covered_village_km") is not None]
    if not known:
        return
    dark_at_centre = [row for row in known if row.get("signal_state") == "none_at_centre"]
    row = max(dark_at_centre or known, key=lambda row: (row["nearest_covered_village_km"], row["code"]))
    other = row.get("nearest_covered_village_name") or row.get("nearest_covered_village") or "-"
    params: dict[str, Param] = {
        "village": named.get(str(row["code"]), str(row["name"])),
        "km": Amount(row["nearest_covered_village_km"], "km"),
        "covered": str(other),
    }
    yield Statement("villages", "villages.farthest", params, places=(str(row["code"]),))
    if row.get("nearest_site_km") is not None:
        params = {"site": str(row.get("nearest_site") or "-"), "km": Amount(row["nearest_site_km"], "km")}
        yield Statement("villages", "villages.nearest_site", params, places=(str(row["code"]),), after=True)


def _named(rows: Sequence[Row], named: dict[str, str]) -> Several:
    return Several(tuple(named.get(str(row["code"]), str(row["name"])) for row in rows))


def _codes(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(str(row["code"]) for row in rows)


# place in the ranking, what is not known, where to look


def _ranking(known: Known) -> Iterator[Statement]:
    index = known.need.get("need_index")
    ranking = known.ranking or {}
    if index == 0:
        yield Statement("ranking", "ranking.no_need")
    elif ranking.get("rank") is not None and index is not None:
        params: dict[str, Param] = {"rank": int(ranking["rank"]), "total": known.ranked, "index": Amount(index)}
        yield Statement("ranking", "ranking.place", params)
    elif known.gap is not None and index is not None:
        params = {"rank": int(known.gap["rank"]), "total": known.gaps_count, "index": Amount(index)}
        yield Statement("ranking", "ranking.place_of_gaps", params)
    low, high = ranking.get("rank_low"), ranking.get("rank_high")
    if index != 0 and low is not None and high is not None:
        params = {"low": int(low), "high": int(high), "draws": known.draws}
        yield Statement("ranking", "ranking.same" if low == high else "ranking.range", params)
        if ranking.get("in_first_pct") is not None and known.first_n:
            params = {"n": known.first_n, "pct": Amount(ranking["in_first_pct"], "%")}
            yield Statement("ranking", "ranking.first", params, after=True)
    choices = [word for word in str(ranking.get("depends_on") or "").split(";") if word]
    if choices == ["together"]:
        yield Statement("ranking", "ranking.depends_together", {"n": known.first_n})
    elif choices:
        texts = [Text(f"ranking.choice.{word}") if has(f"ranking.choice.{word}") else word for word in choices]
        params = {"n": known.first_n, "choices": Several(tuple(texts), most=20)}
        yield Statement("ranking", "ranking.depends", params)
    weight = known.need.get("judged_weight_pct")
    if weight is not None and weight < 99.95:
        yield Statement("ranking", "ranking.judged", {"pct": Amount(weight, "%", most=0)})


def _unknown(known: Known) -> Iterator[Statement]:
    for level, by_class in (("unit", False), ("unit", True), ("village", False), ("village", True)):
        rows = [row for row in known.not_judged if row["level"] == level and (row["why"] == CLASS_UNKNOWN) == by_class]
        if not rows:
            continue
        asked = list(dict.fromkeys(str(row["indicator"]) for row in rows))
        params: dict[str, Param] = {"indicators": Several(tuple(indicator_text(one) for one in asked), most=20)}
        places: tuple[str, ...] = ()
        if level == "village":
            places = tuple(sorted({str(row["code"]) for row in rows}))
            params |= {"count": len(places), "all": len(known.villages)}
        yield Statement("unknown", f"unknown.{level}{'_class' if by_class else ''}", params, places=places)


def _where(known: Known) -> Iterator[Statement]:
    lon, lat = known.unit.get("lon"), known.unit.get("lat")
    if lon is None or lat is None:
        return
    params: dict[str, Param] = {"lon": Amount(lon, "", most=4), "lat": Amount(lat, "", most=4)}
    services = {str(known.rules.get(row["rule"], {}).get("service") or "") for row in known.reasons}
    yield Statement("where", "where.place", params)
    if "post" in services:
        yield Statement("where", "where.post", after=True)
    if "mobile" in services or known.gap_villages:
        yield Statement("where", "where.signal", after=True)
    lacking = set(_codes(known.gap_villages))
    spots = [row for row in known.villages if row["code"] in lacking and row.get("lon") is not None]
    if not spots or not known.unit.get("area_km2"):
        return
    east_km = 111.32 * math.cos(math.radians(lat)) * (math.fsum(row["lon"] for row in spots) / len(spots) - lon)
    north_km = 110.57 * (math.fsum(row["lat"] for row in spots) / len(spots) - lat)
    if math.hypot(east_km, north_km) <= SPREAD_SHARE * math.sqrt(known.unit["area_km2"]):
        yield Statement("where", "where.spread", after=True, places=tuple(sorted(lacking)))
        return
    point = COMPASS[round(math.degrees(math.atan2(east_km, north_km)) / 45.0) % 8]
    params = {"direction": Text(f"explain.direction.{point}")}
    yield Statement("where", "where.direction", params, after=True, places=tuple(sorted(lacking)))
