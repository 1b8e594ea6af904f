"""The study itself: is it served, which layers it has, which indicators its results hold."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Query

from phusong.api.errors import NoResultsError
from phusong.api.labels import indicator_infos
from phusong.api.layer_info import LayerFacts
from phusong.api.models import ColumnInfo, Health, IndicatorList, LayerInfo, LayerList, Run
from phusong.api.served import Asked, RetryingRoute, TheLang, TheResults, TheStudy, problems
from phusong.layers.messages import Lang, has, say
from phusong.layers.schema import LAYERS, Column

router = APIRouter(tags=["study"], route_class=RetryingRoute)


@router.get("/health", summary=say("api.route.health", "en"), responses=problems())
def health(asked: Annotated[Asked, Query()], study: TheStudy, lang: TheLang) -> Health:
    """Status ``no_results`` and a null run before the first run; the hashes tell which inputs the results rest on."""
    settings = study.study.settings
    try:
        snapshot = study.results.snapshot()
    except NoResultsError:
        run = None
    else:
        record = snapshot.record
        run = Run(
            hash=snapshot.hash,
            started=record.get("timing", {}).get("started"),
            inputs=record.get("inputs", {}),
            steps={name: step["key"] for name, step in record.get("steps", {}).items()},
            versions=record.get("versions", {}),
        )
    return Health(
        status="ok" if run else "no_results",
        study=settings.name,
        as_of=settings.units_valid_on,
        synthetic=settings.synthetic,
        version=version("phusong"),
        lang=settings.language,
        run=run,
    )


@router.get("/layers", summary=say("api.route.layers", "en"), responses=problems())
def layers(asked: Annotated[Asked, Query()], study: TheStudy, lang: TheLang) -> LayerList:
    """What the study knows: each layer with its rows, as-of dates, sources, and its columns with units."""
    items = [_layer(facts, lang) for facts in study.layers.facts()]
    return LayerList(meta=study.meta(lang), total=len(items), items=items)


@router.get("/indicators", summary=say("api.route.indicators", "en"), responses=problems())
def indicators(asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> IndicatorList:
    """The names that stand in ``indicators`` of communes and villages, and in targets."""
    items = indicator_infos(results, lang)
    return IndicatorList(meta=study.meta(lang), total=len(items), items=items)


def _layer(facts: LayerFacts, lang: Lang) -> LayerInfo:
    declared = LAYERS.get(facts.name)
    columns = declared.all_columns if declared else ()
    return LayerInfo(
        name=facts.name,
        about=_said(f"layer.{facts.name}.about", lang),
        geometry=declared.geometry if declared else "raster",
        rows=facts.rows,
        as_of=list(facts.as_of),
        sources=list(facts.sources),
        synthetic=facts.synthetic,
        columns=[_column(facts.name, column, lang) for column in columns if column.name in facts.columns],
    )


def _column(layer: str, column: Column, lang: Lang) -> ColumnInfo:
    about = _said(f"column.{layer}.{column.name}", lang) or _said(f"column.common.{column.name}", lang)
    return ColumnInfo(
        name=column.name,
        kind=column.kind,
        unit=column.unit,
        required=column.required,
        about=about,
        words=list(column.words),
    )


def _said(code: str, lang: Lang) -> str:
    return say(code, lang) if has(code) else ""
