"""The ranking step: places of the communes by need, and how far they hang on choices, as tables and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.api.index import index_of
from phusong.api.pipeline import Job, Made, write_json
from phusong.api.radio import terms_of
from phusong.coverage.gaps import judge_units, people_of_villages
from phusong.coverage.indicators import find
from phusong.coverage.population import People, distribute
from phusong.coverage.radio import RadioResult
from phusong.coverage.radio.link_budget import link_defaults
from phusong.coverage.ranking import (
    CHOICES,
    Chances,
    Index,
    Measured,
    Sensitivity,
    Variation,
    correlated,
    measured,
    sensitivity,
    signal_chances,
    varied_shares,
)
from phusong.coverage.rules.judge import numbers
from phusong.coverage.unit_indicators import covered_shares
from phusong.layers.writers.vectors import export

RANKING_COLUMNS = (
    *("code", "valid_on", "name", "district", "need_index", "rank"),
    *("rank_low", "rank_high", "in_first_pct", "depends", "depends_on"),
)


class Ranking(NamedTuple):
    """``table``: ``RANKING_COLUMNS``, a row a commune by place; ``about``: what was varied and how far it moved."""

    table: pd.DataFrame
    about: dict[str, Any]


class Signal(NamedTuple):
    """Chances of signal at village centres; ``kinds``: for each the component it belongs to and its indicator."""

    villages: gpd.GeoDataFrame
    chances: Chances
    kinds: tuple[tuple[int, str], ...]


def ranking_step(job: Job) -> Made:
    """Places, their intervals under the choices varied, and the chance of signal of each village."""
    own, index = job.settings.index, index_of(job.settings)
    tables, gaps = job.value("indicators"), job.value("gaps")
    of = _measured(job, tables.units, index)
    need: pd.DataFrame = gaps.need
    rank = numbers(need, "rank")
    varied = frozenset(own.vary)
    radio: RadioResult | None = job.value("radio")
    signal = _signal(job, of, radio) if "coverage" in varied else None
    moved = {} if signal is None else _moved(job, signal)
    job.progress(0.2)
    others = _populations(job, index, radio) if "population" in varied else {}
    others = {name: value for name, value in others.items() if not np.array_equal(value, of.value, equal_nan=True)}
    job.progress(0.4)
    answer = sensitivity(
        of,
        index,
        rank=rank,
        variation=Variation(
            vary=tuple(one for one in CHOICES if one in varied),
            draws=own.draws,
            seed=own.seed,
            first_n=own.first_n,
            weight_spread_pct=own.weight_spread_pct,
            threshold_shift_pct=own.threshold_shift_pct,
        ),
        populations=others,
        coverage=moved,
        progress=lambda share: job.progress(0.4 + 0.6 * share),
    )
    table = _table(tables.units, need, answer)
    about = _about(job, index, of, answer, table, populations=tuple(others))
    directory = job.draft.directory
    files: list[Path] = [write_json(job.path("ranking.json"), about)]
    files += export(job.marked(table), directory, "ranking", formats=["csv", "parquet"]).values()
    if signal is not None:
        files += export(job.marked(_villages(signal)), directory, "signal_chances", formats=["csv", "parquet"]).values()
    return Made(Ranking(table, about), files, about["counts"])


def load_ranking(job: Job) -> Ranking:
    """The value of the step from its files."""
    table = pd.read_parquet(job.path("ranking.parquet")).drop(columns=["as_of", "data"])
    return Ranking(table, json.loads(job.path("ranking.json").read_text(encoding="utf-8")))


def _measured(job: Job, units: pd.DataFrame, index: Index) -> Measured:
    """What the index rests on, judged as the gap list is."""
    people = people_of_villages(job.layer("villages"), units)
    frame, judged, _ = judge_units(units, job.value("indicators").villages, village_people=people, rules=job.rules)
    return measured(frame, judged, index)


def _signal(job: Job, of: Measured, radio: RadioResult | None) -> Signal | None:
    """Signal at the villages as a chance, of every component that is a share of people with signal; None without."""
    villages, settings = job.layer("villages"), job.settings
    if radio is None or villages is None or not len(villages) or not radio.levels:
        return None
    kinds, keys = [], []
    operators = {operator for _, operator in radio.levels}
    for r, one in enumerate(of.components):
        if one.weight > 0 and one.indicator.startswith("people_covered_") and one.unit == "%":
            about = find(one.indicator, level="unit", operators=operators)
            mine = [
                (technology, operator)
                for technology, operator in radio.levels
                if about.technology in ("", technology) and about.operator in ("", operator)
            ]
            if mine and "exactly_one" not in one.indicator:
                kinds.append((r, one.indicator))
                keys.append(mine)
    if not kinds:
        return None
    terms = terms_of(settings)
    chances = signal_chances(
        np.asarray(villages.geometry.x, dtype=np.float64),
        np.asarray(villages.geometry.y, dtype=np.float64),
        radio,
        kinds=keys,
        sigma_db=terms.spread_db,
        fading_db=terms.fading_db,
        site_share=settings.index.site_share_pct / 100.0,
        position_error_m=settings.index.position_error_m,
        path_loss_exponent=float(link_defaults()["shadow"]["path_loss_exponent"]),
    )
    return Signal(gpd.GeoDataFrame(villages), chances, tuple(kinds))


def _moved(job: Job, signal: Signal) -> dict[int, NDArray[np.float32]]:
    """Change of the share of people with signal in each draw, by component."""
    villages = signal.villages
    units = job.value("indicators").units
    area = pd.Index(units["code"]).get_indexer(pd.Index(villages["unit_code"]))
    people = people_of_villages(villages, units)
    inside = area >= 0
    unknown = np.bincount(area[inside], weights=~(people[inside] >= 0), minlength=len(units)) > 0
    people = np.where(inside & unknown[area], 1.0, people)  # villages count alike where one of them is not known
    draws = varied_shares(
        signal.chances,
        area=area.astype(np.int64),
        people=people,
        areas=len(units),
        draws=job.settings.index.draws,
        seed=job.settings.index.seed,
    )
    return {r: draws[..., g] for g, (r, _) in enumerate(signal.kinds)}


def _populations(job: Job, index: Index, radio: RadioResult | None) -> dict[str, NDArray[np.float64]]:
    """Values of the components with people placed by each other source there is: only shares of signal change."""
    if radio is None or not radio.levels:
        return {}
    inputs, settings = job.inputs, job.settings.people
    people: People = job.value("people")
    villages = job.layer("villages")
    sources: dict[str, tuple[gpd.GeoDataFrame | None, str]] = {"uniform": (None, "dasymetric")}
    if villages is not None and len(villages):
        sources["dasymetric"] = (villages, "dasymetric")
    if inputs.population is not None:
        sources["raster"] = (villages, "raster")
    sources.pop(people.method, None)
    units: pd.DataFrame = job.value("indicators").units
    covered = covered_shares(radio, people.zones)
    found = {}
    for name, (around, method) in sources.items():
        other = distribute(
            people.zones,
            job.units,
            villages=around,
            elevation=inputs.elevation,
            population=inputs.population if method == "raster" else None,
            method=method,  # type: ignore[arg-type]
            village_radius_m=settings.village_radius_m,
            max_slope_pct=settings.max_slope_pct,
        )
        shares = {
            f"people_covered_{part}_pct": 100.0 * people.zones.means(values, other.people)
            for part, values in covered.items()
        }
        moved = units.assign(**{name: share for name, share in shares.items() if name in units})
        found[name] = _measured(job, moved, index).value
    return found


def _table(units: pd.DataFrame, need: pd.DataFrame, answer: Sensitivity) -> pd.DataFrame:
    about = units[["code", "valid_on", "name", "district"]].reset_index(drop=True)
    about = about.assign(valid_on=about["valid_on"].astype("datetime64[s]"))  # as computed, and as read back, in ms
    table = pd.concat([about, need[["need_index", "rank"]].reset_index(drop=True), answer.table], axis=1)
    table = table.assign(rank=table["rank"].astype("Int64"))
    return table.sort_values(["rank", "code"], ignore_index=True, na_position="last")[list(RANKING_COLUMNS)]


def _about(
    job: Job, index: Index, of: Measured, answer: Sensitivity, table: pd.DataFrame, *, populations: tuple[str, ...]
) -> dict[str, Any]:
    own, terms = job.settings.index, terms_of(job.settings)
    people: People = job.value("people")
    first = int(min(own.first_n, table["rank"].notna().sum()))
    depends = table["depends"] == "yes"
    return {
        "first_n": first,
        "draws": own.draws,
        "seed": own.seed,
        "aggregation": index.aggregation,
        "normalisation": index.normalisation,
        "components": [
            {
                "id": one.id,
                "indicator": one.indicator,
                "unit": one.unit,
                "weight": one.weight,
                "better": one.better,
                "threshold": None if np.isnan(one.threshold) else one.threshold,
                "shifted": one.shifts,
                "communes": int(np.count_nonzero(~np.isnan(of.value[:, r]))),
            }
            for r, one in enumerate(of.components)
        ],
        "weight_spread_pct": own.weight_spread_pct,
        "threshold_shift_pct": own.threshold_shift_pct,
        "signal": {
            "sigma_db": terms.spread_db,
            "site_share_pct": own.site_share_pct,
            "position_error_m": own.position_error_m,
        },
        "people": {"declared": people.method, "others": sorted(populations)},
        "choices": {name: dict(moves) for name, moves in answer.moves.items()},
        "left_out": list(answer.left_out),
        "correlated": [pair._asdict() for pair in correlated(of)],
        "counts": {
            "units": len(table),
            "ranked": int(table["rank"].notna().sum()),
            "first_n_depends": int(depends.sum()),
            "first_n_sure": int(((table["rank"] <= first) & ~depends).sum()),
        },
    }


def _villages(signal: Signal) -> pd.DataFrame:
    """Chance of signal at each village centre, %, by kind; what its best mast has to spare, and the sigma of that."""
    chances = signal.chances
    most = chances.margin_db.max(axis=1)
    best = pd.DataFrame({"place": chances.place, "margin_db": most, "sigma_db": chances.sigma_db})
    best = best.sort_values(["place", "margin_db"], ascending=[True, False], kind="stable").drop_duplicates("place")
    best = best.set_index("place").reindex(range(len(signal.villages))).round(1)
    frame = signal.villages[["code", "name", "unit_code"]].reset_index(drop=True)
    percent = (100.0 * chances.probability()).round(1)
    names = [name.removeprefix("people_covered_") for _, name in signal.kinds]
    return pd.DataFrame(frame).assign(
        margin_db=best["margin_db"],
        sigma_db=best["sigma_db"],
        **{f"chance_{n}": percent[:, g] for g, n in enumerate(names)},
    )
