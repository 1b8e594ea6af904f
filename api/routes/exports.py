"""Files of the results to download, and the map."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse

from phusong.api.models import Export, ExportList
from phusong.api.served import Asked, RetryingRoute, TheLang, TheResults, TheStudy, problems
from phusong.layers.messages import say

router = APIRouter(tags=["exports"], route_class=RetryingRoute)

MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".geojson": "application/geo+json",
    ".gpkg": "application/geopackage+sqlite3",
    ".parquet": "application/vnd.apache.parquet",
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".png": "image/png",
}
MAP_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page is one file: it may run what is written in it and load nothing from anywhere, this server included."""


@router.get("/exports", summary=say("api.route.exports", "en"), responses=problems())
def exports(asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> ExportList:
    """The files of the last run that are meant for people, each with its size, media type and SHA-256."""
    items = [
        Export(
            name=name,
            size_bytes=results.export(name).stat().st_size,
            media_type=media_type(name),
            sha256=sha256,
            href=f"/api/v1/exports/{name}",
        )
        for name, sha256 in results.exports.items()
    ]
    return ExportList(meta=study.meta(lang), total=len(items), items=items)


@router.get(
    "/exports/{name}",
    summary=say("api.route.export", "en"),
    response_class=FileResponse,
    responses={
        **problems(404),
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The file is the one named by If-None-Match"},
    },
)
def export(
    name: Annotated[str, Path(max_length=200, description="Name as /exports lists it", examples=["gaps.csv"])],
    asked: Annotated[Asked, Query()],
    request: Request,
    results: TheResults,
) -> Response:
    """The file itself; its ETag is its SHA-256, parts can be asked for by Range."""
    path = results.export(name)
    headers = {"ETag": f'"{results.exports[name]}"', "Content-Disposition": f'attachment; filename="{name}"'}
    if _known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=media_type(name), headers=headers, stat_result=path.stat())


@router.get(
    "/map",
    summary=say("api.route.map_page", "en"),
    response_class=Response,
    responses={**problems(404), 200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
def map_page(asked: Annotated[Asked, Query()], request: Request, results: TheResults) -> Response:
    """The page as the last run wrote it; both languages are in it."""
    raw, packed = results.page("map.html")
    headers = {
        "Content-Security-Policy": MAP_POLICY,
        "ETag": f'W/"{results.exports["map.html"]}"',
        "Vary": "Accept-Encoding",
    }
    if _known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type="text/html", headers={**headers, "Content-Encoding": "gzip"})
    return Response(raw, media_type="text/html", headers=headers)


def media_type(name: str) -> str:
    """Media type of a result file by its ending."""
    return MEDIA_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")


def _known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names this version (weak comparison, RFC 9110 section 13.1.2)."""
    given = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return "*" in given or etag.removeprefix("W/") in given
