"""Everything of the sample that stands on given communes and a given elevation.

The same code serves the synthetic province and real communes: it knows no codes and no names, and takes counts from the
table of published figures, scaled where the province has another number of communes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import shapely

from phusong.layers.errors import InputError
from phusong.layers.grid import Raster
from phusong.layers.sample.classing import with_minorities, with_village_records
from phusong.layers.sample.crossings import make_crossings, make_roads, meets
from phusong.layers.sample.figures import Figures
from phusong.layers.sample.figures import figures as shipped_figures
from phusong.layers.sample.frames import AS_OF, add_source, layer_frame, points_xy, source_text
from phusong.layers.sample.ground import Ground, survey
from phusong.layers.sample.masts import OPERATORS, make_sites
from phusong.layers.sample.points import (
    make_fibre_nodes,
    make_service_points,
    with_connections,
    with_counters,
    with_lines,
)
from phusong.layers.sample.rivers import courses, flooded, make_rivers
from phusong.layers.sample.roads import road_chains
from phusong.layers.sample.services import (
    POSTAL_OPERATORS,
    choose_programme,
    counted,
    make_broadband,
    make_facilities,
    make_postal_points,
)
from phusong.layers.sample.settle import make_clusters, make_villages
from phusong.layers.sample.signals import make_signal_reports

GIVEN = (
    "villages",
    "village_clusters",
    "sites",
    "sectors",
    "signal_reports",
    "postal_points",
    "broadband",
    "facilities",
    "service_points",
    "fibre_nodes",
    "roads",
    "rivers",
    "crossings",
)


@dataclass(frozen=True)
class Totals:
    """What the generated layers must add up to; percents 0-100, counts whole."""

    bts: int
    masts: int
    planned_sites: int
    closed_sites: int
    postal_points: int
    same_day_communes: int
    broadband_per_100: float
    broadband_growth_pct: float
    telephones_per_100: float
    programme_communes: int
    programme_telephones: int
    programme_people: float
    internet_communes: int
    mountain_schools_online_pct: float
    institutions_pct: float
    postal_operators: int
    telecom_operators: int

    @classmethod
    def of(cls, figures: Figures, *, communes: int) -> Totals:
        """The published totals; counts in proportion where there are other than the published ``communes``."""
        value = figures.value
        scale = communes / figures.communes_counted

        def whole(count: float) -> int:
            return max(1, round(scale * count))

        return cls(
            bts=whole(value["bts_in_operation"]),
            masts=whole(540),
            planned_sites=whole(12),
            closed_sites=whole(4),
            postal_points=whole(value["points_post_count"]),
            same_day_communes=whole(value["same_day_mail_communes"]),
            broadband_per_100=value["broadband_per_100"],
            broadband_growth_pct=value["broadband_growth_pct"] + 0.4,  # published as "over"
            telephones_per_100=value["telephones_per_100"],
            programme_communes=whole(value["programme_communes"]),
            programme_telephones=whole(value["programme_fixed_telephones"]),
            programme_people=scale * 100 * value["programme_fixed_telephones"] / value["programme_fixed_per_100"],
            internet_communes=int(communes * value["public_internet_communes_pct"] / 100) + 2,  # published as "over"
            mountain_schools_online_pct=value["lower_secondary_school_broadband_mountain_pct"],
            institutions_pct=value["institutions_lan_broadband_pct"],
            postal_operators=min(len(POSTAL_OPERATORS), int(value["postal_operators"])),
            telecom_operators=min(len(OPERATORS), int(value["telecom_operators"])),
        )


def populate(
    units: pd.DataFrame,
    elevation: Raster,
    *,
    seed: int = 2012,
    given: dict[str, pd.DataFrame] | None = None,
    figures: Figures | None = None,
    main_roads: Sequence[shapely.LineString] = (),
) -> dict[str, pd.DataFrame]:
    """All layers of a study on validated ``units`` (polygons, metres) and ``elevation`` (metres, same CRS).

    ``given`` layers (validated, same CRS) replace the generated ones; given postal points are kept and topped up to the
    published number. Units keep their attributes: only an empty ``programme`` and ``minority_people`` are filled.
    Villages, clusters, subscribers and so on sum exactly to their commune or province. Published figures come along
    where the number of counted communes is theirs. Every generated row says ``synthetic``; the same seed gives the same
    rows.

    Errors: InputError where there are no units, the elevation covers none of them, or a given layer is unknown.
    """
    given = given or {}
    unknown = set(given) - set(GIVEN)
    if unknown:
        raise InputError("error.sample_unknown_layer", layer=", ".join(sorted(unknown)), known=", ".join(GIVEN))
    ground = survey(units, elevation)
    figures = figures or shipped_figures()
    communes = int(counted(units).sum())
    totals = Totals.of(figures, communes=communes)
    source = source_text(seed)

    def rng(part: int) -> np.random.Generator:
        return np.random.default_rng([seed, part])  # a part replaced by given data leaves the others as they were

    layers: dict[str, pd.DataFrame] = {"units": _with_programme(ground, totals, rng(0), source)}
    layers |= _settlement(ground, given, rng, source)
    villages = layers["villages"]
    if "villages" not in given:
        layers["units"], villages = with_minorities(layers["units"], villages, ground, rng=rng(16), source=source)
        layers["villages"] = villages = with_village_records(villages, ground, rng=rng(17))
    if "sites" in given or "sectors" in given:
        layers |= {name: given[name] for name in ("sites", "sectors") if name in given}
    else:
        layers["sites"], layers["sectors"] = make_sites(
            ground,
            villages,
            bts=totals.bts,
            masts=totals.masts,
            planned=totals.planned_sites,
            closed=totals.closed_sites,
            operators=totals.telecom_operators,
            rng=rng(3),
            source=source,
        )
    if "signal_reports" in given:
        layers["signal_reports"] = given["signal_reports"]
    elif "sites" in layers and "sectors" in layers:
        layers["signal_reports"] = make_signal_reports(
            ground,
            villages,
            layers.get("village_clusters"),
            layers["sites"],
            layers["sectors"],
            rng=rng(4),
            source=source,
        )
    layers["postal_points"] = make_postal_points(
        ground,
        villages,
        given=given.get("postal_points"),
        count=totals.postal_points,
        same_day=totals.same_day_communes,
        operators=totals.postal_operators,
        rng=rng(5),
        source=source,
    )
    layers["broadband"] = (
        given["broadband"] if "broadband" in given else _broadband(ground, layers, totals, rng(6), source)
    )
    layers["facilities"] = (
        given["facilities"]
        if "facilities" in given
        else make_facilities(
            ground,
            villages,
            mountain_online_pct=totals.mountain_schools_online_pct,
            institutions_pct=totals.institutions_pct,
            rng=rng(7),
            source=source,
        )
    )
    layers |= _access(ground, layers, given, totals, rng, source, main_roads)
    if communes == figures.communes_counted:
        layers["published_figures"] = published_figures(figures, source=source)
    return layers


def _with_programme(ground: Ground, totals: Totals, rng: np.random.Generator, source: str) -> pd.DataFrame:
    """The units, an empty ``programme`` column filled; the source of real units says that this column is synthetic."""
    units = ground.units.copy()
    if units["programme"].isna().all():
        chosen = choose_programme(ground, count=totals.programme_communes, people=totals.programme_people, rng=rng)
        units["programme"] = pd.array(chosen, dtype="boolean")
        real = ~units["synthetic"].fillna(False).to_numpy(dtype=bool)
        units["source"] = units["source"].where(~real, add_source(units["source"], f"programme: {source}"))
    return units


def _settlement(
    ground: Ground, given: dict[str, pd.DataFrame], rng: Callable[[int], np.random.Generator], source: str
) -> dict[str, pd.DataFrame]:
    """Villages and their clusters."""
    villages = given["villages"] if "villages" in given else make_villages(ground, rng=rng(1), source=source)
    clusters = (
        given["village_clusters"]
        if "village_clusters" in given
        else make_clusters(ground, villages, rng=rng(2), source=source)
    )
    return {"villages": villages, "village_clusters": clusters}


def _access(  # noqa: PLR0917
    ground: Ground,
    layers: dict[str, pd.DataFrame],
    given: dict[str, pd.DataFrame],
    totals: Totals,
    rng: Callable[[int], np.random.Generator],
    source: str,
    main_roads: Sequence[shapely.LineString],
) -> dict[str, pd.DataFrame]:
    """Capacities and connections of what is there, points of other services, and what people move over."""
    villages, units, crs = layers["villages"], ground.units, ground.crs
    made = {
        "postal_points": with_counters(layers["postal_points"], rng=rng(8)),
        "broadband": layers["broadband"],
        "facilities": with_connections(layers["facilities"], ground, rng=rng(10)),
    }
    if "broadband" not in given:
        made["broadband"] = with_lines(layers["broadband"], units, rng=rng(9))
    made["service_points"] = (
        given["service_points"]
        if "service_points" in given
        else make_service_points(
            ground,
            villages,
            made["broadband"],
            internet_units=totals.internet_communes,
            rng=rng(11),
            source=source,
        )
    )
    everything = layers | made
    lived = ("villages", "village_clusters", "postal_points", "facilities", "service_points")
    places = np.concatenate([points_xy(everything[name]) for name in lived if name in everything])
    reaches = [] if "rivers" in given else courses(ground, rng=rng(12))
    if "rivers" in given:
        made["rivers"] = given["rivers"]
    elif reaches:
        made["rivers"] = make_rivers(reaches, places, flooded(ground, reaches, places), source=source, crs=crs)
    if "roads" in given:
        made["roads"] = given["roads"]
    else:
        chains = road_chains(ground, villages, reaches, drawn=main_roads)
        over = meets(chains, reaches)
        if chains:
            made["roads"] = make_roads(chains, reaches, over, rng=rng(13), source=source, crs=crs)
            if len(over.chain) and "crossings" not in given:
                made["crossings"] = make_crossings(
                    made["roads"], reaches, over, points_xy(villages), rng=rng(14), source=source, crs=crs
                )
    if "crossings" in given:
        made["crossings"] = given["crossings"]
    made["fibre_nodes"] = (
        given["fibre_nodes"]
        if "fibre_nodes" in given
        else make_fibre_nodes(ground, villages, made["broadband"], made.get("roads"), rng=rng(15), source=source)
    )
    return made


def _broadband(
    ground: Ground, layers: dict[str, pd.DataFrame], totals: Totals, rng: np.random.Generator, source: str
) -> pd.DataFrame:
    return make_broadband(
        ground,
        layers["units"]["programme"].fillna(False).to_numpy(dtype=bool),
        broadband_per_100=totals.broadband_per_100,
        growth_pct=totals.broadband_growth_pct,
        telephones_per_100=totals.telephones_per_100,
        programme_telephones=totals.programme_telephones,
        internet_units=totals.internet_communes,
        rng=rng,
        source=source,
    )


def published_figures(figures: Figures, *, source: str) -> pd.DataFrame:
    """The published values as a layer: not synthetic, each with its source; computed ones (mark C) say so.

    Those of earlier years are synthetic, of ``source``.
    """
    rows, earlier = figures.published, figures.earlier
    words = {"P": figures.area_source, "C": f"tính từ {figures.area_source}", "K": "kiến thức chung"}
    return layer_frame(
        "published_figures",
        {
            "indicator": [p.indicator for p in rows] + [p.indicator for p in earlier],
            "value": [p.value for p in rows] + [p.value for p in earlier],
            "note": [p.note or None for p in rows] + [None] * len(earlier),
            "source": [p.source or words[p.mark] for p in rows] + [source] * len(earlier),
            "synthetic": [False] * len(rows) + [True] * len(earlier),
            "as_of": [AS_OF] * len(rows) + [date(p.year, 12, 31) for p in earlier],
        },
        rows=len(rows) + len(earlier),
        source="",
    )
