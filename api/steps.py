"""The steps from layers to results, in order: people, radio, access, indicators, gaps, ranking, targets, plan,
lists, map."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.api.access import WAY_LAYERS, service_layers
from phusong.api.access_step import access_step, access_table, load_access
from phusong.api.classes import centres_of, class_tests_of
from phusong.api.drawing import map_view
from phusong.api.index import index_of
from phusong.api.lists_step import lists_step
from phusong.api.pipeline import Job, Made, Step, write_json
from phusong.api.radio import clutter_raster, propagation_of, tags_of, terms_of, usable_of
from phusong.api.radio_step import load_radio, radio_step
from phusong.api.ranking_step import load_ranking, ranking_step
from phusong.api.targets_step import targets_step
from phusong.coverage.access.serving import Served
from phusong.coverage.area_indicators import Areas, area_indicators
from phusong.coverage.broadband import broadband_dated
from phusong.coverage.classes import find_classes
from phusong.coverage.gaps import Gaps, find_gaps
from phusong.coverage.plan.invest import Plan, make_plan
from phusong.coverage.plan.lacking import covered_now, home_villages
from phusong.coverage.population import People, distribute
from phusong.coverage.radio import (
    RadioResult,
    Reached,
    radio_defaults,
    reach,
    site_required_dbm,
    usable_levels,
)
from phusong.coverage.rules.notes import figured, notes_table, rule_notes
from phusong.coverage.unit_indicators import unit_indicators
from phusong.coverage.village_indicators import Homes, village_indicators
from phusong.coverage.zonal import Zones, zones
from phusong.layers.rasters import write_cog
from phusong.layers.schema import LAYERS, PACKS, PATTERNS
from phusong.layers.writers.vectors import export, write_geoparquet, write_gpkg
from phusong.maps.page import map_html
from phusong.maps.static import map_png

FIGURE_LAYERS = ("broadband", "signal_reports", "village_areas", "village_clusters", "borders")
SPATIAL = ("csv", "geojson", "gpkg", "parquet")
"""Formats of what has places; its workbook is the list as printed, which the step "lists" makes."""
PLAN_ANSWER = ("status", "people_new", "cost_vnd", "budget_vnd", "bound_people", "gap_pct")


class Tables(NamedTuple):
    """What the indicators step makes: a row a commune, a row a village, the province's figures by id, a row a district,
    and what the figures of province and districts were divided from (``area_indicators.PART_COLUMNS``)."""

    units: pd.DataFrame
    villages: pd.DataFrame
    province: dict[str, float]
    districts: pd.DataFrame
    parts: pd.DataFrame


# people


def _people(job: Job) -> Made:
    inputs, settings = job.inputs, job.settings.people
    pairs = zones(job.units, grid=inputs.elevation.grid)
    job.progress(0.3)
    people = distribute(
        pairs,
        job.units,
        villages=job.layer("villages"),
        elevation=inputs.elevation,
        population=inputs.population,
        method=settings.method,
        village_radius_m=settings.village_radius_m,
        max_slope_pct=settings.max_slope_pct,
    )
    columns = {"unit": pairs.unit, "cell": pairs.cell, "fraction": pairs.fraction, "people": people.people}
    files = [
        write_geoparquet(pd.DataFrame(columns), job.path("people.parquet")),
        write_geoparquet(people.fallbacks, job.path("people_fallbacks.parquet")),
        write_json(job.path("people.json"), {"method": people.method, "methods": people.methods}),
        write_cog(people.raster, job.path("population.tif"), tags=tags_of(job.settings)),
    ]
    counts = {
        "units": pairs.n_units,
        "pairs": len(pairs.unit),
        "people": float(np.nansum(people.people)),
        "fallbacks": len(people.fallbacks),
    }
    return Made(people, files, counts)


def _load_people(job: Job) -> People:
    table = pd.read_parquet(job.path("people.parquet"))
    how = json.loads(job.path("people.json").read_text(encoding="utf-8"))
    pairs = Zones(
        job.inputs.elevation.grid,
        table["unit"].to_numpy(dtype=np.int32),
        table["cell"].to_numpy(dtype=np.int64),
        table["fraction"].to_numpy(dtype=np.float64),
        len(job.units),
    )
    fallbacks = pd.read_parquet(job.path("people_fallbacks.parquet"))
    return People(pairs, table["people"].to_numpy(dtype=np.float64), how["method"], tuple(how["methods"]), fallbacks)


# indicators


def _indicators(job: Job) -> Made:
    inputs, settings = job.inputs, job.settings
    people: People = job.value("people")
    radio: RadioResult | None = job.value("radio")
    served: dict[str, Served] = job.value("access")
    on = settings.units_valid_on
    readiness = settings.access.readiness
    classes = find_classes(
        inputs.layers,
        people=people,
        elevation=inputs.elevation,
        served=served,
        tests=class_tests_of(settings, inputs.own_packs),
        tolerance_m=settings.classes.border_tolerance_m,
        centres=centres_of(settings),
    )
    units = unit_indicators(
        inputs.layers,
        people=people,
        elevation=inputs.elevation,
        on=on,
        radio=radio,
        served=served,
        readiness=readiness,
        classes=classes,
    )
    job.progress(0.5)
    villages = village_indicators(
        inputs.layers,
        people=people,
        elevation=inputs.elevation,
        radio=radio,
        usable_dbm=usable_levels(usable_of(job.settings)),
        on=on,
        homes=Homes(
            village_radius_m=settings.people.village_radius_m,
            max_slope_pct=settings.people.max_slope_pct,
            cluster_min_people=settings.people.cluster_min_people,
        ),
        served=served,
        classes=classes,
    )
    job.progress(0.8)
    areas = Areas.whole(len(units)), Areas.named(units["district"])
    province, districts = (
        area_indicators(
            inputs.layers,
            areas=each,
            unit_table=units,
            people=people,
            elevation=inputs.elevation,
            on=on,
            radio=radio,
            official_area_km2=settings.province.area_km2 if each.outside == 0 else None,
            served=served,
            readiness=readiness,
        )
        for each in areas
    )
    parts = pd.concat([province.parts_table(), districts.parts_table()], ignore_index=True)
    tables = Tables(units, villages, province.of(0), districts.table(key="district"), parts)
    files = [
        write_geoparquet(job.marked(_placed(units, job.units, crs=settings.crs)), job.path("units.parquet")),
        write_geoparquet(
            job.marked(_placed(villages, job.layer("villages"), crs=settings.crs)), job.path("villages.parquet")
        ),
        write_json(job.path("provinces.json"), {key: None if np.isnan(v) else v for key, v in tables.province.items()}),
        write_geoparquet(tables.parts, job.path("area_parts.parquet")),
    ]
    directory = job.draft.directory
    class_table = job.marked(_three_decimals(classes.table))
    files += export(class_table, directory, "classes", formats=["csv", "parquet"]).values()
    by_service = job.marked(_three_decimals(access_table(job, units, served)))
    files += export(by_service, directory, "access", formats=["csv", "xlsx"]).values()
    dated = job.marked(_three_decimals(broadband_dated(inputs.layers, job.units)))
    files += export(dated, directory, "broadband_dated", formats=["csv"]).values()
    files += export(job.marked(tables.districts), directory, "districts", formats=["csv", "parquet"]).values()
    counts = {"units": len(units), "villages": len(villages), "districts": len(tables.districts)} | classes.counts
    return Made(tables, files, counts | {"province": len(tables.province)})


def _load_indicators(job: Job) -> Tables:
    kept = json.loads(job.path("provinces.json").read_text(encoding="utf-8"))
    return Tables(
        _table(job.path("units.parquet")),
        _table(job.path("villages.parquet")),
        {key: np.nan if value is None else float(value) for key, value in kept.items()},
        _table(job.path("districts.parquet")),
        pd.read_parquet(job.path("area_parts.parquet")),
    )


# gaps


def _gaps(job: Job) -> Made:
    tables: Tables = job.value("indicators")
    rules = job.rules
    gaps = find_gaps(
        tables.units,
        tables.villages,
        rules=rules,
        villages=job.layer("villages"),
        index=index_of(job.settings),
    )
    job.progress(0.5)
    notes = rule_notes(
        rules,
        units=tables.units,
        villages=tables.villages,
        districts=tables.districts,
        province=tables.province,
        figures=figured(job.layer("published_figures"), job.settings.units_valid_on),
    )
    directory = job.draft.directory
    files: list[Path] = []
    for stem, frame, home in (("gaps", gaps.units, job.units), ("gap_villages", gaps.villages, job.layer("villages"))):
        located = job.marked(_located(frame, home, crs=job.settings.crs))
        files += export(located, directory, stem, formats=SPATIAL).values()
    for stem, frame in (
        ("reasons", gaps.reasons),
        ("not_judged", gaps.not_judged),
        ("gap_totals", gaps.totals),
        ("comparison", gaps.comparison),
        ("need", gaps.need),
        ("rules", rules.table()),
        ("rule_notes", notes_table(notes)),
    ):
        files += export(job.marked(frame), directory, stem, formats=["csv", "parquet"]).values()
    return Made(gaps, files, dict(gaps.counts) | {"rules": len(rules.rules), "rule_notes": len(notes)})


def _load_gaps(job: Job) -> Gaps:
    frames = {
        stem: _table(job.path(f"{stem}.parquet"))
        for stem in ("gaps", "gap_villages", "reasons", "not_judged", "gap_totals", "comparison", "need")
    }
    return Gaps(
        units=frames["gaps"],
        villages=frames["gap_villages"],
        reasons=frames["reasons"],
        not_judged=frames["not_judged"],
        totals=frames["gap_totals"],
        comparison=frames["comparison"],
        need=frames["need"],
        counts={},
    )


# plan


def _plan(job: Job) -> Made:
    inputs, settings = job.inputs, job.settings
    people: People = job.value("people")
    tables: Tables = job.value("indicators")
    asked, elevation = settings.plan, inputs.elevation
    band_mhz = asked.band_mhz or float(radio_defaults()["technology"][asked.technology]["band_mhz"])
    required_dbm = site_required_dbm(
        asked.technology,
        band_mhz=band_mhz,
        height_m=asked.height_m,
        usable_dbm=usable_levels(usable_of(settings)),
        terms=terms_of(settings),
    )
    villages = job.layer("villages")
    home = (
        None
        if villages is None
        else home_villages(
            people,
            job.units,
            villages,
            elevation=elevation,
            village_radius_m=settings.people.village_radius_m,
            max_slope_pct=settings.people.max_slope_pct,
        )
    )
    covered = covered_now(
        elevation.grid.shape,
        radio=job.value("radio"),
        technology=asked.technology,
        operator=asked.operator,
        village_table=tables.villages,
        home=home,
    )

    def reached(positions: NDArray[np.float64], where: NDArray[np.bool_]) -> Iterator[Reached]:
        return reach(
            positions,
            elevation=elevation,
            grid=elevation.grid,
            technology=asked.technology,
            band_mhz=band_mhz,
            height_m=asked.height_m,
            where=where,
            clutter=clutter_raster(inputs),
            max_range_m=settings.radio.max_range_km * 1000,
            propagation=propagation_of(inputs),
        )

    plan = make_plan(
        people,
        tables.units,
        villages=villages,
        elevation=elevation,
        covered=covered,
        reach=reached,
        usable_dbm=required_dbm,
        technology=asked.technology,
        band_mhz=band_mhz,
        height_m=asked.height_m,
        budget_vnd=asked.budget_vnd,
        site_cost_vnd=asked.site_cost_vnd,
        off_grid_extra_vnd=asked.off_grid_extra_vnd,
        border_factor=asked.border_factor,
        max_candidates=asked.max_candidates,
        min_people=asked.min_people,
        home=home,
        progress=lambda done, whole: job.progress(done / whole),
    )
    directory = job.draft.directory
    answer = {name: getattr(plan, name) for name in PLAN_ANSWER} | {"counts": dict(plan.counts)}
    files = [write_json(job.path("plan_answer.json"), answer)]
    files += export(job.marked(plan.sites), directory, "plan", formats=SPATIAL).values()
    files += export(job.marked(plan.candidates), directory, "candidates", formats=["csv", "parquet"]).values()
    files.append(write_geoparquet(job.marked(plan.serves), job.path("plan_serves.parquet")))
    return Made(plan, files, dict(plan.counts) | {"people_new": plan.people_new})


def _load_plan(job: Job) -> Plan:
    answer = json.loads(job.path("plan_answer.json").read_text(encoding="utf-8"))
    sites = gpd.read_parquet(job.path("plan.parquet")).drop(columns=["as_of", "data"])
    candidates, serves = (_table(job.path(f"{name}.parquet")) for name in ("candidates", "plan_serves"))
    return Plan(sites=sites, candidates=candidates, serves=serves, **answer)


# map


def _map(job: Job) -> Made:
    gaps: Gaps = job.value("gaps")
    plan: Plan = job.value("plan")
    tables: Tables = job.value("indicators")
    view = map_view(
        job,
        units=tables.units,
        villages=tables.villages,
        gaps=gaps,
        ranking=job.value("ranking").table,
        plan=plan.sites,
        radio=job.value("radio"),
    )
    page = job.path("map.html")
    page.write_text(map_html(view), encoding="utf-8")
    job.progress(0.7)
    picture = job.path("map.png")
    map_png(view, picture)
    areas = {name: job.path(f"{name}.parquet") for name in ("isochrones", "catchments")}
    layers = {
        "units": gpd.read_parquet(job.path("units.parquet")),
        "villages": gpd.read_parquet(job.path("villages.parquet")),
        "gaps": gpd.read_parquet(job.path("gaps.parquet")),
        "gap_villages": gpd.read_parquet(job.path("gap_villages.parquet")),
        "plan": plan.sites,
        **{name: gpd.read_parquet(path) for name, path in areas.items() if path.is_file()},
    }
    book = write_gpkg({name: frame for name, frame in layers.items() if len(frame)}, job.path("results.gpkg"))
    return Made(None, [page, picture, book], {"bytes": page.stat().st_size})


# shared by the steps


def _placed(table: pd.DataFrame, home: pd.DataFrame | None, *, crs: str) -> gpd.GeoDataFrame:
    """The table, row by row, with the geometry of its layer."""
    if home is None:
        return gpd.GeoDataFrame(table, geometry=[], crs=crs)
    return gpd.GeoDataFrame(
        table.reset_index(drop=True), geometry=gpd.GeoDataFrame(home).geometry.reset_index(drop=True)
    )


def _located(frame: pd.DataFrame, home: pd.DataFrame | None, *, crs: str) -> gpd.GeoDataFrame:
    """The frame with the geometry of its layer, found by code."""
    if home is None:
        return gpd.GeoDataFrame(frame, geometry=[], crs=crs)
    shapes = gpd.GeoDataFrame(home).set_index("code").geometry
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes.reindex(frame["code"]).to_numpy(), crs=shapes.crs))


def _three_decimals(frame: pd.DataFrame) -> pd.DataFrame:
    rounded: pd.DataFrame = frame.round(dict.fromkeys(frame.select_dtypes("float").columns, 3))
    return rounded


def _table(path: Path) -> pd.DataFrame:
    table: pd.DataFrame = pd.read_parquet(path)
    kept: pd.DataFrame = table.drop(columns=[name for name in ("geometry", "as_of", "data") if name in table])
    return kept


STEPS = (
    Step(
        "people",
        _people,
        _load_people,
        ("units", "villages", "elevation", "population"),
        ("people", "units_valid_on", "synthetic"),
    ),
    Step(
        "radio",
        radio_step,
        load_radio,
        ("sites", "sectors", "elevation", "land_cover", PATTERNS),
        ("radio", "services", "language", "units_valid_on", "synthetic"),
        after=("people",),
    ),
    Step(
        "access",
        access_step,
        load_access,
        ("units", "elevation", "land_cover", *WAY_LAYERS, *service_layers()),
        ("access", "language", "units_valid_on", "synthetic"),
        after=("people",),
    ),
    Step(
        "indicators",
        _indicators,
        _load_indicators,
        ("units", "villages", "sites", "sectors", "elevation", *service_layers(), *FIGURE_LAYERS, PACKS),
        ("radio", "people", "access", "classes", "province", "language", "units_valid_on", "synthetic"),
        after=("people", "radio", "access"),
    ),
    Step(
        "gaps",
        _gaps,
        _load_gaps,
        ("units", "villages", "published_figures", PACKS),
        ("rules", "index", "services", "units_valid_on", "language", "synthetic"),
        after=("indicators",),
    ),
    Step(
        "ranking",
        ranking_step,
        load_ranking,
        ("units", "villages", "elevation", "population", PACKS),
        ("rules", "index", "services", "people", "radio", "units_valid_on", "language", "synthetic"),
        after=("people", "radio", "indicators", "gaps"),
    ),
    Step(
        "targets",
        targets_step,
        lambda job: None,
        ("units", "broadband", "published_figures", PACKS),
        ("rules", "services", "progress", "units_valid_on", "language", "synthetic"),
        after=("indicators",),
    ),
    Step(
        "plan",
        _plan,
        _load_plan,
        ("units", "villages", "elevation", "land_cover"),
        ("plan", "radio", "people", "units_valid_on", "synthetic"),
        after=("people", "radio", "indicators"),
    ),
    Step(
        "lists",
        lists_step,
        lambda job: None,
        (),
        ("name", "organisation", "language", "units_valid_on", "synthetic"),
        after=("radio", "indicators", "gaps", "ranking", "targets", "plan"),
    ),
    Step(
        "map",
        _map,
        lambda job: None,
        (*LAYERS, "elevation"),
        ("name", "language", "synthetic", "units_valid_on", "access"),
        after=("people", "radio", "access", "indicators", "gaps", "ranking", "plan"),
    ),
)
