"""Lists as offices use them, made when asked for: filtered, judged anew, in every format."""

from __future__ import annotations

from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from phusong.api.errors import QueryError
from phusong.api.lists.build import build, known_list
from phusong.api.lists.filters import Filters, checked, parse_thresholds
from phusong.api.lists.make import anew, writable, write_list
from phusong.api.lists.specs import SPECS
from phusong.api.lists.tables import Tables, read_frame
from phusong.api.models import Meta
from phusong.api.results import Snapshot
from phusong.api.routes.exports import media_type
from phusong.api.served import Asked, RetryingRoute, Served, TheLang, TheResults, TheStudy, problems
from phusong.layers.errors import InputError, MissingError
from phusong.layers.messages import say
from phusong.layers.writers.vectors import FORMATS

router = APIRouter(tags=["lists"], route_class=RetryingRoute)


class ListInfo(BaseModel):
    """A list this run can give."""

    name: str = Field(examples=["communes"])
    title: str
    filters: list[str] = Field(description="Names of the filters it takes")
    hrefs: dict[str, str] = Field(description="Address by format")


class ListIndex(BaseModel):
    """The lists there are."""

    meta: Meta
    total: int
    items: list[ListInfo]


class AskedList(Asked):
    """How a list is narrowed, judged and ordered."""

    service: str = Field("", max_length=100, description="Only what fails a rule of this service")
    unit_class: str = Field(
        "", alias="class", max_length=100, description="Only communes of this class, their villages"
    )
    district: str = Field("", max_length=200, description="Only this district, its name with or without tones")
    operator: str = Field("", max_length=200, description="Judge mobile signal by this operator's network alone")
    rule: str = Field("", max_length=100, description="Only what fails this rule")
    basis: str = Field("", max_length=100, description="Only on this basis: observed, model or record")
    state: str = Field("", max_length=100, description="Only villages of this state of signal")
    min_people: float | None = Field(None, ge=0, allow_inf_nan=False, description="Fewest people affected, persons")
    threshold: list[str] = Field([], max_length=50, description="RULE=VALUE: judge anew with this threshold")
    by_name: bool = Field(False, description="In the order of names instead of ranks")
    flat: bool = Field(False, description="In one piece, without rows of districts")


@router.get("/lists", summary=say("api.route.lists", "en"), responses=problems())
def lists(asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> ListIndex:
    """The lists of the last run, with the filters each takes."""
    items = [
        ListInfo(
            name=name,
            title=say(f"list.title.{name}", lang),
            filters=list(spec.filters),
            hrefs={kind: f"/api/v1/lists/{name}.{kind}" for kind in FORMATS},
        )
        for name, spec in SPECS.items()
        if results.has(f"{spec.stem}.parquet")
    ]
    return ListIndex(meta=study.meta(lang), total=len(items), items=items)


@router.get(
    "/lists/{name}",
    summary=say("api.route.list_file", "en"),
    response_class=Response,
    responses={
        **problems(404),
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
    },
)
def list_file(
    name: Annotated[str, Path(max_length=100, description="List and format", examples=["communes.xlsx"])],
    asked: Annotated[AskedList, Query()],
    study: TheStudy,
    results: TheResults,
    lang: TheLang,
) -> Response:
    """XLSX as printed, with its reasons on a second sheet; CSV in words; GeoJSON, GeoPackage and GeoParquet in ids."""
    which = FilePath(name).stem
    try:
        kind = writable(FilePath(name))
        spec = SPECS[known_list(which)]
    except InputError as error:
        raise MissingError(error.code, **error.params) from error
    if not results.has(f"{spec.stem}.parquet"):
        raise MissingError("list.error.no_list", which=which)
    try:
        filters = Filters(
            **asked.model_dump(include=set(Filters.__dataclass_fields__) - {"threshold"}),
            threshold=parse_thresholds(asked.threshold),
        )
        tables = tables_of(study, results)
        filters = checked(filters, which, tables)
        if filters.judges_anew:
            tables = anew(tables, filters, study.inputs.inputs(), folder="DIR")
        built = build(tables, which, lang=lang, filters=filters, by_name=asked.by_name, grouped=not asked.flat)
        with TemporaryDirectory() as directory:
            content = write_list(built, FilePath(directory) / f"{which}.{kind}", lang).read_bytes()
    except InputError as error:
        if not error.code.startswith("list."):
            raise
        raise QueryError(error.code, faults=error.faults, **error.params) from error
    headers = {
        "Content-Disposition": f'attachment; filename="{which}.{kind}"',
        "Content-Language": lang,
        "Vary": "Accept-Language",
    }
    return Response(content, media_type=media_type(f"{which}.{kind}"), headers=headers)


def tables_of(study: Served, results: Snapshot) -> Tables:
    """The frames of one snapshot, each read once."""
    return Tables(study.study.settings, lambda stem: results.file(f"{stem}.parquet", read_frame), results.record)
