"""What the map of a study shows, gathered from its layers and results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from phusong.api.access import ground_told
from phusong.api.pipeline import Job
from phusong.api.radio import terms_of
from phusong.coverage.access.services import services
from phusong.coverage.facilities import FACILITIES
from phusong.coverage.gaps import Gaps
from phusong.coverage.indicators import Indicator, expand, labels
from phusong.coverage.radio import RadioResult
from phusong.coverage.radio.margin import margin_db
from phusong.coverage.radio.required import terms_text
from phusong.coverage.signal import technologies_of
from phusong.layers.grid import Raster
from phusong.layers.messages import LANGS, Lang
from phusong.layers.messages.format import day
from phusong.layers.rasters import read_raster
from phusong.maps.view import MapIndicator, MapTravel, MapView

OF_SERVICES = (
    *("people_within_{limit}_{service}_pct", "mean_time_{service}_min", "people_unreached_{service}_pct"),
    *("access_{service}", "time_{service}_min", "distance_{service}_km", "cut_off_{service}"),
)
OF_POST = (*OF_SERVICES, "mean_service_radius_{service}_km", "people_per_{service}_point")
"""Indicators of a service that the map offers."""
FIRST = ("people_covered_any_pct", "same_day_mail", "people")


def map_view(
    job: Job,
    *,
    units: pd.DataFrame,
    villages: pd.DataFrame,
    gaps: Gaps,
    ranking: pd.DataFrame,
    plan: pd.DataFrame,
    radio: RadioResult | None,
) -> MapView:
    """The view of a study: ``units`` and ``villages`` are the indicator tables, rows as their layers; ``ranking`` holds
    the interval of each commune's place."""
    settings = job.settings
    technologies, operators = technologies_of(radio, job.layer("signal_reports")), radio.levels if radio else ()
    kinds: dict[str, Sequence[str]] = {"services": [one.id for one in services()], "facilities": FACILITIES}
    declared = expand("unit", technologies=technologies, operators=operators, **kinds)
    offered = (*settings.access.map_services, "fibre_node")
    shown = _indicators([one for one in declared if one.id in units and _offered(one, offered)])
    of_units = gpd.GeoDataFrame(units.assign(population=job.units["population"]), geometry=job.units.geometry)
    known = [indicator.id for indicator in shown if of_units[indicator.id].notna().any()]
    shown = tuple(indicator for indicator in shown if indicator.id in known)
    return MapView(
        title=settings.name,
        lang=settings.language,
        synthetic=settings.synthetic,
        as_of=settings.units_valid_on.isoformat(),
        units=of_units,
        indicators=shown,
        elevation=job.inputs.elevation,
        villages=_villages(job, villages),
        village_indicators=_indicators(
            one
            for one in expand("village", technologies=technologies, operators=operators, **kinds)
            if one.id in villages and _offered(one, offered) and (not one.service or villages[one.id].notna().any())
        ),
        # the interval of a place among all communes, where that is the place in the list of gaps
        gap_units=gaps.units.merge(
            ranking[["code", "rank", "rank_low", "rank_high"]].dropna(), on=["code", "rank"], how="left"
        ),
        gap_villages=gaps.villages,
        reasons=_reasons(gaps, "unit"),
        village_reasons=_reasons(gaps, "village"),
        sites=_sites(job, radio),
        postal_points=job.layer("postal_points"),
        plan=plan,
        margins=_margins(radio) if radio else {},
        required_dbm=_required(radio) if radio else {},
        travel=_travel(job),
        travelled=_travelled(job),
        asked={lang: terms_text(terms_of(settings), lang=lang) for lang in LANGS},
        sources=_sources(job, settings.language),
        first_indicator=next((name for name in FIRST if name in known), ""),
    )


def _offered(one: Indicator, services: Sequence[str]) -> bool:
    """Whether an indicator is among those the map offers: the tables hold every service, facility and network."""
    if one.service:
        return one.service in services and one.template in (OF_POST if one.service == "post" else OF_SERVICES)
    if one.network:
        return one.network == "broadband" or (one.network == "government_network" and "office" in one.facility)
    return True


def _indicators(declared: Iterable[Indicator]) -> tuple[MapIndicator, ...]:
    declared = tuple(declared)
    names = {lang: labels(declared, lang) for lang in LANGS}
    return tuple(
        MapIndicator(
            id=one.id,
            label={lang: names[lang][one.id] for lang in LANGS},
            unit=one.unit,
            kind=one.kind,
            higher_is=one.higher_is,
            modelled={"sectors", "elevation"} <= set(one.sources),
            placed="population" in one.sources,
            travelled="roads" in one.sources,
        )
        for one in declared
    )


def _villages(job: Job, table: pd.DataFrame) -> gpd.GeoDataFrame | None:
    layer = job.layer("villages")
    if layer is None or not len(layer):
        return None
    own = [name for name in ("grid_power", "population") if name not in table]
    return gpd.GeoDataFrame(table.assign(**{name: layer[name] for name in own}), geometry=layer.geometry)


def _reasons(gaps: Gaps, level: str) -> dict[str, dict[Lang, list[str]]]:
    own = gaps.reasons[gaps.reasons["level"] == level]
    return {str(code): {lang: list(rows[f"text_{lang}"]) for lang in LANGS} for code, rows in own.groupby("code")}


def _sites(job: Job, radio: RadioResult | None) -> gpd.GeoDataFrame | None:
    """Sites with the operators and technologies on air there."""
    sites, sectors = job.layer("sites"), job.layer("sectors")
    if sites is None:
        return None
    if sectors is None:
        return sites
    of_site = (radio.sectors if radio else sectors).groupby("site_id")
    joined = {
        name: of_site[column].agg(lambda values: ", ".join(sorted(set(values))))
        for name, column in (("operators", "operator"), ("technologies", "technology"))
    }
    told = {name: [values.get(site, "") for site in sites["site_id"]] for name, values in joined.items()}
    return gpd.GeoDataFrame(sites.assign(**told))


def _margins(radio: RadioResult) -> dict[str, Raster]:
    return {technology: Raster(radio.grid, margin_db(radio, technology)) for technology in radio.technologies}


def _required(radio: RadioResult) -> dict[str, tuple[float, float]]:
    """The least and the most that a sector of a technology must bring, dBm."""
    needs = radio.sectors.groupby("technology")["required_dbm"]
    return {str(technology): (float(dbm.min()), float(dbm.max())) for technology, dbm in needs}


def _travel(job: Job) -> tuple[MapTravel, ...]:
    """Travel time to the services that the map is to show, within the communes, from the files of the access step."""
    known = json.loads(job.path("access.json").read_text(encoding="utf-8"))
    points = pd.read_parquet(job.path("access_points.parquet"))
    inside = ~np.isnan(read_raster(job.path("population.tif")).values)
    shown = []
    for name in job.settings.access.map_services:
        path = job.path(f"travel_time_{name}.tif")
        if name not in known or not path.is_file():
            continue
        minutes, one = read_raster(path), known[name]
        own = points[points["service"] == name]
        shown.append(
            MapTravel(
                service=name,
                label={lang: one["title"][lang] for lang in LANGS},
                told={lang: one["told"][lang] for lang in LANGS},
                minutes=Raster(minutes.grid, np.where(inside, minutes.values, np.nan).astype(np.float32)),
                points=gpd.GeoDataFrame(own, geometry=gpd.points_from_xy(own["lon"], own["lat"]), crs="EPSG:4326"),
            )
        )
    return tuple(shown)


def _travelled(job: Job) -> dict[Lang, str]:
    """What the times of travel of all services rest on; empty without any."""
    known = json.loads(job.path("access.json").read_text(encoding="utf-8"))
    first = next((one for one in known.values() if one["timed"]), None)
    return {} if first is None else {lang: ground_told(first["basis"], job.settings, lang) for lang in LANGS}


def _sources(job: Job, lang: Lang) -> tuple[str, ...]:
    """One line a source, with the newest date it speaks of; the same source in several layers stands once."""
    newest: dict[str, pd.Timestamp] = {}
    for frame in job.inputs.layers.values():
        for source, rows in frame.groupby("source"):
            newest[str(source)] = max(newest.get(str(source), pd.Timestamp.min), rows["as_of"].max())
    return tuple(f"{source} ({day(date.date(), lang)})" for source, date in sorted(newest.items()))
