"""The rows of each list out of the results of a run, narrowed and in order: one frame a list, codes not yet words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from phusong.api.labels import indicator_name, measure, unit_words
from phusong.api.lists.filters import Filters
from phusong.api.lists.specs import SPECS
from phusong.api.lists.tables import Tables, placed
from phusong.coverage.evidence import MODEL, OBSERVED, RECORD
from phusong.coverage.rules.judge import numbers
from phusong.layers.errors import MissingError
from phusong.layers.messages import LANGS, Lang, say
from phusong.layers.messages.format import plain
from phusong.layers.vietnamese.order import ranks

Frame = pd.DataFrame
_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "=": "="}
_BASES = (OBSERVED, MODEL, RECORD)
_LEVELS = {"communes": "unit", "villages": "village"}
_HOMES = {"communes": "units", "villages": "villages", "ranking": "units"}  # whose places the rows of a list have
OF_GAPS = tuple(_LEVELS)
"""The lists of gaps, which have reasons."""


def list_frame(tables: Tables, which: str, *, filters: Filters, lang: Lang, by_name: bool = False) -> Frame:
    """The rows of a list, with geometry where its file has one; MissingError if the run made no such list.

    Columns are those of the file and of ``SPECS[which]``; ``district`` is filled in where only the commune is known.
    Order: groups by name, then rank (or what stands for it), then name and code; ``by_name``: by name in each group.
    """
    spec = SPECS[which]
    found = tables.frame(spec.stem)
    if found is None:
        raise MissingError("list.error.no_list", which=which)
    frame = _MAKERS[which](tables, found.reset_index(drop=True), filters, lang)
    if which in _HOMES and not isinstance(frame, gpd.GeoDataFrame):
        frame = placed(frame, tables.frame(_HOMES[which]))
    return in_order(frame, spec.group, () if by_name else spec.order)


def reasons_of(tables: Tables, which: str, filters: Filters) -> Frame:
    """The reasons of a list of gaps, only those its filters leave."""
    reasons = tables.frame("reasons")
    if reasons is None:
        raise MissingError("list.error.no_list", which=which)
    reasons = reasons[reasons["level"] == _LEVELS[which]]
    if filters.service:
        reasons = reasons[_services(reasons, tables) == filters.service]
    if filters.rule:
        reasons = reasons[reasons["rule"] == filters.rule]
    if filters.basis:
        reasons = reasons[reasons["basis"] == filters.basis]
    return reasons.reset_index(drop=True)


def _gaps(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    which = "villages" if "unit_code" in found else "communes"
    reasons = reasons_of(tables, which, filters)
    if filters.service or filters.rule or filters.basis:
        found = _of_reasons(found, reasons)
    found = _narrowed(found, filters, tables)
    if filters.state:
        found = found[found["signal_state"] == filters.state] if "signal_state" in found else found.iloc[:0]
    if filters.min_people is not None:
        found = found[numbers(found, "people_affected") >= filters.min_people]
    texts = {code: _bullets(own) for code, own in reasons.groupby("code", sort=False)[f"text_{lang}"]}
    found = found.assign(reasons=[texts.get(code, "") for code in found["code"]])
    ranking = tables.frame("ranking")
    if which == "communes" and ranking is not None:
        own = ranking.set_index("code").reindex(found["code"])
        low, high = (numbers(own, name) for name in ("rank_low", "rank_high"))
        # places among all communes say something of a place of this list only where the two are the same
        known = ~np.isnan(low + high) & (numbers(own, "rank") == numbers(found, "rank"))
        ranges = [f"{a:.0f}–{b:.0f}" if told else "" for a, b, told in zip(low, high, known, strict=True)]
        found = found.assign(rank_range=ranges)
    return found


def _of_reasons(gaps: Frame, reasons: Frame) -> Frame:
    """The gaps that still have a reason; count, people and basis are those of the reasons left.

    People affected: the largest figure of the reasons, as in the whole list.
    """
    by_code = reasons.groupby("code", sort=False)
    told = pd.DataFrame(
        {
            "people_affected": by_code["people_affected"].max(),
            "reasons_count": by_code.size(),
            "basis": by_code["basis"].agg(lambda own: ";".join(one for one in _BASES if one in set(own))),
        }
    )
    left = gaps[gaps["code"].isin(told.index)]
    own = told.loc[left["code"]]
    return left.assign(**{str(name): own[name].to_numpy() for name in told})


def _not_assessable(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    if filters.service:
        found = found[_services(found, tables) == filters.service]
    if filters.rule:
        found = found[found["rule"] == filters.rule]
    found = _placed(found, tables)
    found = _narrowed(found, filters, tables)
    names = {one: indicator_name(one, lang) for one in found["indicator"].unique()}
    return found.assign(indicator=found["indicator"].map(names))


def _targets(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    """Targets of the province."""
    return _asked(tables, found[found["level"] == "province"] if "level" in found else found, filters, lang)


def _district_targets(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    """Targets of districts, and those of the province shown for them."""
    found = found[found["level"] == "district"] if "level" in found else found.iloc[:0]
    return _asked(tables, found.assign(district=found.get("area")), filters, lang)


def _asked(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    if filters.service:
        found = found[_services(found, tables) == filters.service]
    found = _figures(found, filters, lang)
    found = found.assign(standing=_standing(found, filters))
    build = f"build_{lang}"
    if build in found:
        found = found.assign(build=found[build])
    if "document" in found:
        article = found["article"] if "article" in found else pd.Series("", index=found.index)
        found = found.assign(document=[_joined(pair) for pair in zip(found["document"], article, strict=True)])
    elif "target_source" in found:
        found = found.assign(document=found["target_source"])
    return found


def _figures(found: Frame, filters: Filters, lang: Lang) -> Frame:
    """Rows of indicators of areas: names, units of measure and what is asked in words; ``target_value`` as a number."""
    if filters.rule:
        found = found[found["rule"] == filters.rule]
    if filters.district:
        found = found[found["district"] == filters.district]
    asked = [
        "" if pd.isna(target) else f"{_SIGNS.get(sign, '')} {plain(float(target), lang)}".strip()
        for sign, target in zip(found["comparison"], found["target"], strict=True)
    ]
    return found.assign(
        target_value=found["target"],
        target=asked,
        unit=[measure(one, lang) for one in found["indicator"]],
        indicator_id=found["indicator"],
        indicator=[indicator_name(one, lang) for one in found["indicator"]],
    )


def _progress(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    """The pace of the province, then of each district."""
    province = say("list.province", lang)
    area = found["area"].fillna("") if "area" in found else pd.Series("", index=found.index)
    found = _figures(found.assign(district=area), filters, lang)
    return found.assign(district=found["district"].where(found["district"] != "", province))


def _totals(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    rules = tables.frame("rules")
    if rules is not None and not rules["indicator"].str.contains("operators_at_centre").any():
        found = found.drop(columns="one_operator", errors="ignore")  # nobody counted them: not 0
    if filters.service:
        found = found[found["service"] == filters.service]
    if filters.district:
        found = found[found["district"] == filters.district]
    services = [say(f"list.service.{one}" if one else "list.all_services", lang) for one in found["service"].fillna("")]
    district = found["district"].fillna("").astype(object)
    return found.assign(service=services, district=district.where(district != "", say("list.province", lang)))


def _plan(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    found = _narrowed(_placed(found, tables), filters, tables)
    if filters.min_people is not None:
        found = found[numbers(found, "people_new") >= filters.min_people]
    return found.assign(cost_bn_vnd=found["cost_vnd"] / 1e9)


def _classes(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    """The classes that a commune or village has by its records or by the test, or that were used."""
    found = _placed(found, tables)
    if filters.unit_class:
        found = found[found["class"] == filters.unit_class]
    if filters.district:
        found = found[found["district"] == filters.district]
    flags = {name: numbers(found, name) for name in ("official", "computed", "used")}
    member = np.zeros(len(found), dtype=np.bool_)
    for flag in flags.values():
        member |= flag == 1.0
    found, flags = found[member], {name: flag[member] for name, flag in flags.items()}
    differs = np.where(np.isnan(flags["official"] - flags["computed"]), np.nan, flags["official"] != flags["computed"])
    texts = found[f"evidence_{lang}"] if f"evidence_{lang}" in found else pd.Series("", index=found.index)
    return found.assign(evidence=texts, differs=pd.array(differs, dtype="boolean"))


def _ranking(tables: Tables, found: Frame, filters: Filters, lang: Lang) -> Frame:
    units, need = tables.frame("units"), tables.frame("need")
    for home, columns in ((units, ("name", "district")), (need, ("need_index",))):
        if home is not None:
            own = home.set_index("code").reindex(found["code"])
            found = found.assign(
                **{name: own[name].to_numpy() for name in columns if name in own and name not in found}
            )
    return _narrowed(found, filters, tables)


_MAKERS: dict[str, Callable[[Tables, Frame, Filters, Lang], Frame]] = {
    "communes": _gaps,
    "villages": _gaps,
    "not-assessable": _not_assessable,
    "totals": _totals,
    "targets": _targets,
    "district-targets": _district_targets,
    "progress": _progress,
    "plan": _plan,
    "classes": _classes,
    "ranking": _ranking,
}


def detail_frame(tables: Tables, which: str, gaps: Frame, *, filters: Filters, lang: Lang) -> Frame:
    """The reasons of the gaps, in the order of the gaps: columns of ``specs.REASONS``."""
    reasons = reasons_of(tables, which, filters)
    place = pd.Index(gaps["code"]).get_indexer(pd.Index(reasons["code"]))
    reasons = reasons.assign(place=place)[place >= 0].sort_values("place", kind="stable", ignore_index=True)
    own = gaps.iloc[reasons["place"].to_numpy()]
    parts = [reasons[name] for name in ("document", "article") if name in reasons]
    documents = [_joined(pair) for pair in zip(*parts, strict=True)] if parts else [""] * len(reasons)
    told: Frame = reasons.assign(
        district=own["district"].to_numpy() if "district" in own else None,
        unit_name=own["unit_name"].to_numpy() if "unit_name" in own else None,
        text=reasons[f"text_{lang}"],
        standing=_standing(reasons, filters),
        comparison=[_SIGNS.get(sign, sign) for sign in reasons["comparison"]],
        unit=["" if unit == "yes_no" else unit_words(unit or "", lang) for unit in reasons["unit"]],
        source=[document or source for document, source in zip(documents, reasons["source"], strict=True)],
    )
    return told


def _standing(rows: Frame, filters: Filters) -> pd.Series:
    """Whether each row's threshold is official; "changed" where the study or the list put another in its place."""
    changed = rows["rule"].isin([rule for rule, _ in filters.threshold])
    if "override_reason" in rows:
        changed |= rows["override_reason"].fillna("").astype(str) != ""
    known = rows["standing"] if "standing" in rows else pd.Series("", index=rows.index)
    return known.astype(object).mask(changed, "changed")


def _narrowed(frame: Frame, filters: Filters, tables: Tables) -> Frame:
    """Only the communes, or villages and sites in communes, of the class and district asked for."""
    if filters.district:
        frame = frame[frame["district"] == filters.district]
    if filters.unit_class:
        units = tables.frame("units")
        if "classes" in frame:
            words = frame["classes"].fillna("").astype(str)
            frame = frame[[filters.unit_class in one.split(";") for one in words]]
        elif units is not None and filters.unit_class in units:
            members = set(units["code"][numbers(units, filters.unit_class) == 1.0])
            frame = frame[frame["unit_code" if "unit_code" in frame else "code"].isin(members)]
        else:
            frame = frame.iloc[:0]
    return frame


def _placed(frame: Frame, tables: Tables) -> Frame:
    """The frame with unit_code, unit_name and district of its communes, villages or sites."""
    units, villages = tables.frame("units"), tables.frame("villages")
    if "unit_code" not in frame:
        home = {} if villages is None else dict(zip(villages["code"], villages["unit_code"], strict=True))
        in_village = frame["level"] == "village"
        frame = frame.assign(unit_code=frame["code"].where(~in_village, frame["code"].map(home)))
        if units is not None:
            names = frame["unit_code"].map(dict(zip(units["code"], units["name"], strict=True)))
            frame = frame.assign(unit_name=names.where(in_village))
    if "district" not in frame and units is not None:
        frame = frame.assign(district=frame["unit_code"].map(dict(zip(units["code"], units["district"], strict=True))))
    return frame


def in_order(frame: Frame, group: str, order: Sequence[str]) -> Frame:
    """The frame by group, then by ``order`` (by name without one), then by name and code; texts in Vietnamese order.

    Rows without names, such as targets, keep the order of their file; the province stands before its districts.
    """
    keys: dict[str, object] = {}
    if group and group in frame:
        whole = {say("list.province", lang) for lang in LANGS}
        keys["_whole"] = [one not in whole for one in frame[group]]
        keys["_group"] = ranks(frame[group])
    for name in (*order, "name", "code") if order or "name" in frame else ():
        if name in frame:
            keys.setdefault(f"_{name}", ranks(frame[name]) if frame[name].dtype.kind in "OT" else frame[name])
    if not keys:
        return frame.reset_index(drop=True)
    table = pd.DataFrame({name: np.asarray(values) for name, values in keys.items()})
    places = table.sort_values(list(keys), kind="stable").index.to_numpy()
    return frame.iloc[places].reset_index(drop=True)


def _services(frame: Frame, tables: Tables) -> pd.Series:
    """The service of each row's rule."""
    if "service" in frame:
        return frame["service"]
    rules = tables.frame("rules")
    known = {} if rules is None else dict(zip(rules["id"], rules["service"], strict=True))
    return frame["rule"].map(known)


def _bullets(texts: pd.Series) -> str:
    return texts.iloc[0] if len(texts) == 1 else "\n".join(f"• {text}" for text in texts)


def _joined(parts: Sequence[object]) -> str:
    return ", ".join(str(part) for part in parts if not pd.isna(part) and part)  # type: ignore[call-overload]
