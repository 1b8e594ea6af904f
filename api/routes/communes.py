"""Communes and villages with their indicators."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from phusong.api.class_models import CommuneDetail
from phusong.api.labels import class_rows_of, reason_models, units_of
from phusong.api.models import Commune, CommuneList, Meta, Village, VillageList
from phusong.api.results import UNIT_IDENTITY, VILLAGE_IDENTITY, Row, Snapshot, geometries
from phusong.api.search import named, ordered, page_of, same_text
from phusong.api.served import Asked, AskedPage, RetryingRoute, TheLang, TheResults, TheStudy, problems
from phusong.layers.errors import MissingError
from phusong.layers.messages import Lang, say

router = APIRouter(tags=["communes"], route_class=RetryingRoute)

GEO_JSON = "application/geo+json"
GEO_EXAMPLE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [106.58, 16.73]},
            "properties": {"code": "19429", "name": "Hướng Phùng", "people_covered_2g_pct": 71.9},
        }
    ],
}
Code = Annotated[str, Path(max_length=64, description="Code of the commune", examples=["19429"])]
Q_ABOUT = "Part of the name, with or without tones, or the beginning of the code"


class AskedShapes(Asked):
    """Which communes."""

    district: str | None = Field(None, max_length=200, description="Name of the district, with or without tones")
    q: str | None = Field(None, max_length=200, description=Q_ABOUT)


class AskedCommunes(AskedShapes, AskedPage):
    """Which communes, in which order."""

    sort: str = Field("code", max_length=100, description="Column or indicator; begin with - for falling order")


class AskedVillages(AskedPage):
    """Which villages, in which order."""

    q: str | None = Field(None, max_length=200, description=Q_ABOUT)
    unit_code: str | None = Field(None, max_length=64, description="Code of the commune")
    is_gap: bool | None = Field(None, description="Only villages that have (or have not) gaps")
    sort: str = Field("code", max_length=100, description="Column or indicator; begin with - for falling order")


@router.get("/communes", summary=say("api.route.communes", "en"), responses=problems())
def communes(
    asked: Annotated[AskedCommunes, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> CommuneList:
    """A page of communes; null is no data, never 0. Search by name works without tones."""
    rows = ordered(
        _chosen(results, asked), asked.sort, columns=_columns(results.communes, (*UNIT_IDENTITY, "population"))
    )
    page, about = page_of(rows, request, limit=asked.limit, offset=asked.offset)
    meta = study.meta(lang, units=units_of(results.communes, lang))
    return CommuneList(meta=meta, items=[Commune(**row) for row in page], **about)


@router.get(
    "/communes.geojson",
    summary=say("api.route.communes_geojson", "en"),
    response_class=Response,
    responses={**problems(), 200: {"content": {GEO_JSON: {"example": GEO_EXAMPLE}}}},
)
def communes_geojson(
    asked: Annotated[AskedShapes, Query()], study: TheStudy, results: TheResults, lang: TheLang
) -> Response:
    """All communes that pass the filters with indicators as properties; ``meta`` holds date, units, sources."""
    return feature_collection(
        _chosen(results, asked), results, study.meta(lang, units=units_of(results.communes, lang)), lang
    )


@router.get("/communes/{code}", summary=say("api.route.commune", "en"), responses=problems(404))
def commune(
    code: Code, asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang
) -> CommuneDetail:
    """Everything known of one commune."""
    row = results.communes_by_code.get(code)
    if row is None:
        raise MissingError("api.no_unit", unit_code=code)
    villages = results.villages_by_unit.get(code, [])
    return CommuneDetail(
        meta=study.meta(lang, units=units_of([row, *villages[:1]], lang)),
        classes=class_rows_of(results, code, lang),
        reasons=reason_models(results, "unit", [code], lang),
        villages=[Village(**village) for village in villages],
        **row,
    )


@router.get("/villages", summary=say("api.route.villages", "en"), responses=problems())
def villages(
    asked: Annotated[AskedVillages, Query()], request: Request, study: TheStudy, results: TheResults, lang: TheLang
) -> VillageList:
    """A page of villages: signal at the centre and at the clusters, observed and computed."""
    rows = results.villages if asked.unit_code is None else results.villages_by_unit.get(asked.unit_code, [])
    chosen = [row for row in named(rows, asked.q) if asked.is_gap is None or row["is_gap"] == asked.is_gap]
    chosen = ordered(chosen, asked.sort, columns=_columns(results.villages, VILLAGE_IDENTITY))
    page, about = page_of(chosen, request, limit=asked.limit, offset=asked.offset)
    meta = study.meta(lang, units=units_of(results.villages, lang))
    return VillageList(meta=meta, items=[Village(**row) for row in page], **about)


def feature_collection(rows: list[Row], results: Snapshot, meta: Meta, lang: Lang) -> Response:
    """Communes as a GeoJSON FeatureCollection (RFC 7946) with the foreign member ``meta``."""
    shapes: dict[str, str] = results.keep(
        "shapes", lambda: dict(zip(results.units["code"], geometries(results.units), strict=True))
    )
    features = []
    for row in rows:
        known = {name: value for name, value in row.items() if name != "indicators"}
        properties = json.dumps({**row.get("indicators", {}), **known}, ensure_ascii=False, default=str)
        features.append(
            f'{{"type":"Feature","id":{json.dumps(row["code"], ensure_ascii=False)},'
            f'"geometry":{shapes[row["code"]]},"properties":{properties}}}'
        )
    body = f'{{"type":"FeatureCollection","meta":{meta.model_dump_json()},"features":[{",".join(features)}]}}'
    return Response(body, media_type=GEO_JSON, headers={"Content-Language": lang, "Vary": "Accept-Language"})


def _chosen(results: Snapshot, asked: AskedShapes) -> list[Row]:
    rows = named(results.communes, asked.q)
    return [row for row in rows if asked.district is None or same_text(row["district"], asked.district)]


def _columns(rows: list[Row], identity: tuple[str, ...]) -> set[str]:
    return {*identity, *(rows[0]["indicators"] if rows else ())}
