"""One commune explained: its rows gathered from the results, put into statements, a page and pictures."""

from __future__ import annotations

import difflib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from phusong.api.labels import indicator_name, measure
from phusong.api.pipeline import Inputs
from phusong.api.profile import path_view, told
from phusong.api.radio import terms_of
from phusong.api.results import WGS84, Row, Snapshot, distance_km
from phusong.api.search import folded
from phusong.api.served import Served
from phusong.coverage.explain.cures import UPGRADE_DB
from phusong.coverage.explain.explain import explain
from phusong.coverage.explain.known import Known, Weak
from phusong.coverage.explain.statement import Statement
from phusong.coverage.places import in_service
from phusong.coverage.radio import NO_SERVER_DBM
from phusong.coverage.radio.required import terms_text
from phusong.layers.errors import InputError, MissingError, PhusongError
from phusong.layers.grid import Raster
from phusong.layers.messages import LANGS, Lang, say
from phusong.layers.messages.format import day, number, plain, quantity
from phusong.layers.rasters import read_raster
from phusong.maps.commune import CommuneMap, commune_png
from phusong.maps.profile import profile_png, title_of
from phusong.maps.report.commune import CommunePage, Figure, Profile, commune_document
from phusong.maps.report.document import Document
from phusong.maps.report.docx import docx_bytes
from phusong.maps.report.html import html_text
from phusong.maps.report.pdf import pdf_bytes

ENDINGS = (".html", ".docx", ".pdf")
KINDS = ("xa", "phuong", "thi tran", "dac khu", "commune", "ward", "township", "town")
"""Words before a commune's name that people leave out, as ``folded`` writes them."""
NAMES_TOLD = 12
LEAST_PATH_KM = 0.05
"""A mast nearer than this stands at the village."""
INDICATORS = (
    *("people", "area_km2", "density_per_km2", "elevation_mean_m"),
    *("people_covered_any_pct", "people_covered_2g_pct", "people_covered_3g_pct", "people_covered_4g_pct"),
    *("people_covered_5g_pct", "people_covered_exactly_one_operator_pct", "sites_count", "nearest_site_km"),
    *("points_post_count", "people_per_post_point", "mean_service_radius_post_km", "mean_time_post_min"),
    *("broadband_per_100", "telephones_per_100", "fibre_to_commune", "public_internet_point", "same_day_mail"),
    *("mean_time_commune_office_min", "mean_time_health_station_min", "mean_time_lower_secondary_school_min"),
    *("mean_time_district_office_min", "schools_broadband_pct", "offices_lan_pct", "readiness_score"),
)
"""Indicators of the page's table, in this order: those that the study has, and after them those that a rule judges."""


@dataclass(frozen=True)
class Explained:
    """One commune: what is known of it and the statements made of that."""

    known: Known
    statements: tuple[Statement, ...]

    def text(self, lang: Lang) -> str:
        """The statements under the headings of their topics, one paragraph a matter."""
        lines: list[str] = []
        topic = ""
        for statement in self.statements:
            if statement.topic != topic:
                topic = statement.topic
                lines += ["", say(f"explain.topic.{topic}", lang)]
            said = statement.say(lang)
            if statement.after and len(lines) > 1:
                lines[-1] += f" {said}"
            else:
                lines.append(f"- {said}")
        return "\n".join(lines[1:])


def find_commune(results: Snapshot, asked: str) -> str:
    """Code of the commune of that code or name, with or without tones and "xã", "phường" and the like before it.

    MissingError where there is none (the nearest named), InputError where several have the name (their codes named).
    """
    if asked in results.communes_by_code:
        return asked
    wanted = folded(asked)
    by_name: dict[str, list[Row]] = {}
    for row in results.communes:
        name = folded(row["name"] or "")
        for form in {name, _bare(name)}:
            by_name.setdefault(form, []).append(row)
    found = by_name.get(wanted) or by_name.get(_bare(wanted), []) if wanted else []
    if not found and wanted:
        found = [row for row in results.communes if wanted in folded(row["name"] or "")]
    if len(found) == 1:
        return str(found[0]["code"])
    if found:
        known = [f"{row['code']} {row['name']}" + (f" ({row['district']})" if row["district"] else "") for row in found]
        named = "; ".join(known[:NAMES_TOLD]) + ("; ..." if len(known) > NAMES_TOLD else "")
        raise InputError("explain.error.several", found=asked, count=len(known), known=named)
    near = difflib.get_close_matches(wanted, list(by_name), n=1, cutoff=0.0)
    nearest = by_name[near[0]][0] if near else None
    raise MissingError(
        "explain.error.no_commune",
        found=asked,
        nearest="-" if nearest is None else f"{nearest['name']} ({nearest['code']})",
    )


def _bare(name: str) -> str:
    """A folded name without the word for the kind of unit before it."""
    return next((name[len(kind) + 1 :] for kind in KINDS if name.startswith(f"{kind} ")), name)


def explained(study: Served, results: Snapshot, code: str) -> Explained:
    """The commune of that code; MissingError if the results have none."""
    known = known_of(study, results, code)
    return Explained(known, explain(known))


def known_of(study: Served, results: Snapshot, code: str) -> Known:
    """What the results say of one commune, as its explanation takes it."""
    unit = results.communes_by_code.get(code)
    if unit is None:
        raise MissingError("api.no_unit", unit_code=code)
    villages = results.villages_by_unit.get(code, [])
    codes = {village["code"] for village in villages}
    settings = study.study.settings
    needs = {row["code"]: row for row in results.rows("need.parquet")}
    rankings = results.rows("ranking.parquet")
    about: Row = results.facts("ranking.json")
    rules = {row["id"]: row for row in results.rows("rules.parquet")}
    lon, lat, x_m, y_m = _middle(results, code)
    reasons = results.reasons.get(("unit", code), [])
    need = needs.get(code, {})
    gap_villages = [row for row in results.gap_villages if row["unit_code"] == code]
    return Known(
        as_of=settings.units_valid_on,
        unit={**unit["indicators"], **unit, "people": unit["population"], "lon": lon, "lat": lat},
        gap=next((row for row in results.gaps if row["code"] == code), None),
        gaps_count=len(results.gaps),
        reasons=sorted(reasons, key=partial(_worst_first, need=need, rules=rules)),
        rules=rules,
        cited={name: _cited(row) for name, row in rules.items()},
        villages=villages,
        gap_villages=gap_villages,
        weak=_weak(study, results, [row for row in villages if row["code"] in {gap["code"] for gap in gap_villages}]),
        not_judged=[
            row
            for row in results.not_judged
            if (row["code"] == code if row["level"] == "unit" else row["code"] in codes)
        ],
        classes=[row for row in results.rows("classes.parquet") if row["level"] == "unit" and row["code"] == code],
        need=need,
        ranking=next((row for row in rankings if row["code"] == code), None),
        ranked=sum(1 for row in rankings if row["rank"] is not None),
        first_n=int(about.get("first_n") or 0),
        draws=int(about.get("draws") or 0),
        serves=[
            row
            for row in results.rows("plan_serves.parquet")
            if (row["code"] == code if row["level"] == "unit" else row["code"] in codes)
        ],
        sites={
            row["candidate_id"]: {
                **row,
                "unit_name": (results.communes_by_code.get(row["unit_code"]) or {}).get("name"),
                "km": math.hypot(row["x_m"] - x_m, row["y_m"] - y_m) / 1000.0,
            }
            for row in results.rows("candidates.parquet")
        },
        technology=settings.plan.technology,
        operator=settings.plan.operator,
    )


def _worst_first(row: Row, *, need: Row, rules: dict[str, Row]) -> tuple[float, float, str]:
    """Reasons by their part in the need index, then by people affected."""
    share = (need.get(f"need_{row['rule']}") or 0.0) * (rules.get(row["rule"], {}).get("weight") or 0.0)
    return -share, -(row["people_affected"] or 0.0), row["rule"]


def _cited(rule: Row) -> dict[str, str]:
    """The source of a rule's threshold by language; of one that was not checked the document, for its source says no
    more than that. Empty for results of a run that kept one language only."""
    if any(rule.get(f"source_{lang}") is None for lang in LANGS):
        return {}
    told = {}
    for lang in LANGS:
        document = ", ".join(part for name in ("document", "article") if (part := rule.get(f"{name}_{lang}")))
        told[str(lang)] = document if rule["standing"] == "unverified" and document else rule[f"source_{lang}"] or "-"
    return told


def _middle(results: Snapshot, code: str) -> tuple[float, float, float, float]:
    """A point inside the commune: lon, lat in degrees, x_m, y_m in the study's CRS."""
    units = results.units
    point = units[units["code"] == code].geometry.representative_point()
    degrees = point.to_crs(WGS84).iloc[0]
    return round(degrees.x, 6), round(degrees.y, 6), point.iloc[0].x, point.iloc[0].y


def _weak(study: Served, results: Snapshot, villages: Sequence[Row]) -> dict[str, Weak]:
    """By village: the technology whose strongest signal at the centre is least too weak; none where one is usable."""
    found: dict[str, Weak] = {}
    sectors = results.sectors
    sites = results.sites(study.layers) if villages else {}
    for village in villages:
        if village["lon"] is None:
            continue
        best: Weak | None = None
        for technology in results.technologies:
            at = (village["lon"], village["lat"])
            path = results.raster("coverage", technology)
            level, server = (_any(results, each, *at) for each in (path, results.raster("servers", technology)))
            if level is None or level <= NO_SERVER_DBM or server is None or not 0 <= server < len(sectors):
                continue
            sector = sectors[int(server)]
            required_dbm = sector.get("required_dbm", results.tags(path).get("required_dbm"))
            if required_dbm is None:
                continue
            short_db = float(required_dbm) - level
            if best is None or short_db < best.short_db:
                site = sites.get(sector["site_id"])
                km = distance_km(*at, site["lon"], site["lat"]) if site else math.nan
                best = Weak(short_db, sector["site_id"], sector["operator"], technology, km)
        if best is not None and best.short_db > 0:
            found[village["code"]] = best
    return found


def _any(results: Snapshot, path: Path, lon: float, lat: float) -> float | None:
    """The value of any operator's band at a point; None without data or without the raster."""
    return next(iter(results.sample(path, lon, lat).values())) if results.has(path.name) else None


# the page


def write_page(study_dir: Path, commune: str, out: Path, *, lang: Lang) -> Explained:
    """Write the page of a commune (code or name) to a .html, .docx or .pdf file; InputError for another ending."""
    if out.suffix.lower() not in ENDINGS:
        raise InputError("explain.error.ending", path=out)
    study = Served.of(study_dir)
    results = study.results.snapshot()
    told_of = explained(study, results, find_commune(results, commune))
    data = page_bytes(page_document(study, results, told_of, lang), out.suffix.lower())
    out.write_bytes(data)
    return told_of


def page_bytes(document: Document, ending: str) -> bytes:
    """A document in the format of a file's ending."""
    if ending == ".html":
        return html_text(document).encode()
    return docx_bytes(document) if ending == ".docx" else pdf_bytes(document)


def page_document(study: Served, results: Snapshot, told_of: Explained, lang: Lang) -> Document:
    """The page of a commune: map, profile to the nearest mast, tables, reasons, sources and limits."""
    inputs, known = study.inputs.inputs(), told_of.known
    settings = study.study.settings
    buffer = io.BytesIO()
    commune_png(_map(inputs, results, known), buffer, lang=lang)
    plan_of = {
        str(row["code"]): int(row["rank"])
        for row in sorted(known.serves, key=lambda row: -(row["rank"] or 0))
        if row["level"] == "village" and row["rank"] is not None and row["centre"] != "no"
    }
    page = CommunePage(
        name=str(known.unit["name"]),
        district=str(known.unit["district"] or ""),
        study=settings.name,
        as_of=settings.units_valid_on,
        synthetic=inputs.synthetic(inputs.layers),
        statements=told_of.statements,
        map_png=buffer.getvalue(),
        profile=_profile(inputs, known, lang),
        figures=_figures(results, known, lang),
        people=known.unit["people"],
        reasons=tuple(
            {
                **row,
                "label": indicator_name(row["indicator"], lang),
                "source": known.cited.get(row["rule"], {}).get(lang, row["source"]),
                "valid_from": row.get("valid_from") or known.rules.get(row["rule"], {}).get("valid_from"),
            }
            for row in known.reasons
        ),
        villages=tuple(
            {**row, "weak": known.weak.get(row["code"]), "plan": plan_of.get(row["code"])} for row in known.gap_villages
        ),
        sources=_sources(study, lang),
        limits=_limits(inputs, results, known, lang),
    )
    return commune_document(page, lang)


def _map(inputs: Inputs, results: Snapshot, known: Known) -> CommuneMap:
    """What the picture of the commune shows."""
    gaps = {row["code"]: row.get("signal_state") or "other_gap" for row in known.gap_villages}
    unknown = {row["code"] for row in known.not_judged if row["level"] == "village"}
    layer = inputs.layers.get("villages")
    villages = None
    if layer is not None and len(layer):
        villages = gpd.GeoDataFrame(layer[layer["unit_code"] == known.code][["code", "name", "geometry"]])
        codes = villages["code"]
        states = [gaps.get(code, "no_data" if code in unknown else "no_gap") for code in codes]
        villages = villages.assign(state=states, named=codes.isin(gaps) | (len(villages) <= NAMES_TOLD))
        villages = villages.sort_values(["named", "state"], kind="stable")
    sites, rivers = inputs.layers.get("sites"), inputs.layers.get("rivers")
    return CommuneMap(
        code=known.code,
        units=results.units[["code", "name", "geometry"]],
        synthetic=False,  # the page itself says so
        villages=villages,
        sites=None if sites is None else in_service(gpd.GeoDataFrame(sites), on=known.as_of),
        plan=results.plan_sites,
        roads=inputs.layers.get("roads"),
        water=rivers,
        elevation=inputs.elevation,
        signal=_signal(results),
    )


def _signal(results: Snapshot) -> Raster | None:
    """The best class of signal of any technology, NaN and 0 no data, 1 none."""

    def best() -> Raster | None:
        paths = [results.directory / f"class_{technology.lower()}.tif" for technology in results.technologies]
        rasters = [read_raster(path) for path in paths if path.is_file()]
        if not rasters:
            return None
        return Raster(rasters[0].grid, np.fmax.reduce([raster.values for raster in rasters]))

    found: Raster | None = results.keep("best class", best)
    return found


def _profile(inputs: Inputs, known: Known, lang: Lang) -> Profile:
    """The path from the nearest mast in service to the worst village, else the most peopled one, else the middle.

    A village with a mast at its centre has no path to show: the next one is taken.
    """
    sites = inputs.layers.get("sites")
    on_air = None if sites is None else in_service(gpd.GeoDataFrame(sites), on=known.as_of)
    if on_air is None or not len(on_air):
        return Profile(why=say("commune_page.no_site", lang))
    rows = [*known.gap_villages, *sorted(known.villages, key=lambda row: (-(row["population"] or 0.0), row["code"]))]
    place = {row["code"]: row for row in known.villages}
    ends = [place[row["code"]] for row in rows if place[row["code"]]["lon"] is not None]
    spots = on_air.geometry.to_crs(WGS84)
    for end in ends or [known.unit]:
        lon, lat = end["lon"], end["lat"]
        far = [distance_km(lon, lat, spot.x, spot.y) for spot in spots]
        nearest = int(np.argmin(far))
        if far[nearest] >= LEAST_PATH_KM:
            break
    else:
        return Profile(why=say("commune_page.mast_there", lang))
    site = str(on_air["site_id"].iloc[nearest])
    try:
        view = path_view(inputs, site, end["code"] if ends else f"{lon},{lat}")
    except PhusongError as error:
        return Profile(why=error.say(lang))
    buffer = io.BytesIO()
    profile_png(view, buffer, lang=lang, bare=True)
    return Profile(png=buffer.getvalue(), title=title_of(view, lang), told=told(view, lang))


def _figures(results: Snapshot, known: Known, lang: Lang) -> tuple[Figure, ...]:
    """The indicators of the table: the commune's, the province's and what is asked."""
    asked: dict[str, list[str]] = {}
    for rule in known.rules.values():
        if rule["level"] == "unit":
            asked.setdefault(rule["indicator"], []).append(_condition(rule, lang))
    figures = []
    for name in dict.fromkeys((*INDICATORS, *asked)):
        value, whole = known.unit.get(name), results.provinces.get(name)
        if value is None and whole is None and name not in asked:
            continue
        figures.append(
            Figure(
                label=indicator_name(name, lang),
                unit=measure(name, lang),
                here=_shown(value, lang),
                province="" if name not in results.provinces else _shown(whole, lang),
                asked="; ".join(asked.get(name, ())),
            )
        )
    return tuple(figures)


def _shown(value: Any, lang: Lang) -> str:
    if isinstance(value, bool):
        return quantity(float(value), "yes_no", lang)
    if value is None:
        return number(None, lang)
    return plain(float(value), lang, most=0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2)


def _condition(rule: Mapping[str, Any], lang: Lang) -> str:
    """What a rule asks, in signs: "≥ 95"; the unit stands in its own column."""
    if rule["unit"] == "yes_no":
        return quantity(rule["threshold"], "yes_no", lang)
    sign = {">=": "≥", "<=": "≤"}.get(rule["comparison"], rule["comparison"])
    return f"{sign} {plain(rule['threshold'], lang)}"


def _sources(study: Served, lang: Lang) -> tuple[str, ...]:
    """One line a source with its newest date."""
    newest: dict[str, Any] = {}
    for fact in study.layers.facts():
        for source in fact.sources:
            newest[source] = max([*fact.as_of, *([newest[source]] if newest.get(source) else [])], default=None)
    return tuple(f"{source} ({day(on, lang)})" if on else source for source, on in sorted(newest.items()))


def _limits(inputs: Inputs, results: Snapshot, known: Known, lang: Lang) -> tuple[str, ...]:
    """What to know before the figures are used."""
    settings = inputs.settings
    told_of = []
    if results.technologies:
        asked = terms_text(terms_of(settings), lang=lang)
        asked = asked[:1].upper() + asked[1:]
        told_of.append(say("commune_page.limit.model", lang, model=settings.radio.model, asked=asked))
    told_of += [say(f"map.method.{method}", lang) + "." for method in results.people_methods]
    if known.sites:
        code = "commune_page.limit.plan" + ("_operator" if known.operator else "")
        told_of.append(say(code, lang, technology=known.technology, operator=known.operator or ""))
    if any(statement.code == "cure.upgrade" for statement in explain(known)):
        told_of.append(say("commune_page.limit.upgrade", lang, most=quantity(UPGRADE_DB, "dB", lang)))
    return (*told_of, say("commune_page.limit.no_data", lang))
