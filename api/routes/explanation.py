"""One commune explained: as statements, and as a page to read or to go on with in an office."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from phusong.api.explaining import explained, page_bytes, page_document
from phusong.api.explanation_models import Explanation, Said
from phusong.api.results import Snapshot
from phusong.api.routes.communes import Code
from phusong.api.served import Asked, RetryingRoute, Served, TheLang, TheResults, TheStudy, problems
from phusong.layers.messages import Lang, say

router = APIRouter(tags=["communes"], route_class=RetryingRoute)

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pdf": "application/pdf",
}
PAGE_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The page is one file without scripts: it shows what is written in it and loads nothing."""
KEPT = 24
"""Pages kept a snapshot, oldest out: a page takes seconds to draw."""


def _binary(ending: str) -> dict[int | str, dict[str, Any]]:
    kind = TYPES[ending].partition(";")[0]
    return {**problems(404), 200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


@router.get("/communes/{code}/explanation", summary=say("api.route.explanation", "en"), responses=problems(404))
def explanation(
    code: Code, asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang
) -> Explanation:
    """What is missing, for whom, by how much, since when, on what basis, what would cure it, and what is not known."""
    found = explained(study, results, code)
    statements = [
        Said(
            topic=one.topic,
            code=one.code,
            rule=one.rule or None,
            places=list(one.places),
            after=one.after,
            params=one.plain(),
            text=one.say(lang),
        )
        for one in found.statements
    ]
    name = str(found.known.unit["name"])
    return Explanation(meta=study.meta(lang), code=code, name=name, statements=statements, text=found.text(lang))


@router.get(
    "/communes/{code}/page.html",
    summary=say("api.route.commune_page", "en"),
    response_class=Response,
    responses={**problems(404), 200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
def commune_page(
    code: Code, asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang
) -> Response:
    """Map, profile to the nearest mast, tables and reasons in one file that loads nothing."""
    return _page(study, results, code, ".html", lang)


@router.get(
    "/communes/{code}/page.docx",
    summary=say("api.route.commune_page_docx", "en"),
    response_class=Response,
    responses=_binary(".docx"),
)
def commune_page_docx(
    code: Code, asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang
) -> Response:
    """The same as an office document."""
    return _page(study, results, code, ".docx", lang)


@router.get(
    "/communes/{code}/page.pdf",
    summary=say("api.route.commune_page_pdf", "en"),
    response_class=Response,
    responses=_binary(".pdf"),
)
def commune_page_pdf(
    code: Code, asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang
) -> Response:
    """The same for printing."""
    return _page(study, results, code, ".pdf", lang)


def _page(study: Served, results: Snapshot, code: str, ending: str, lang: Lang) -> Response:
    documents: dict[tuple[str, Lang], Any] = results.keep("commune pages", dict)
    document = documents.get((code, lang))
    if document is None:
        document = page_document(study, results, explained(study, results, code), lang)
        while len(documents) >= KEPT:
            documents.pop(next(iter(documents)), None)
        documents[code, lang] = document
    headers = {"Content-Language": lang, "Vary": "Accept-Language"}
    if ending == ".html":
        headers["Content-Security-Policy"] = PAGE_POLICY
    else:
        headers["Content-Disposition"] = f'attachment; filename="commune{ending}"'
    return Response(page_bytes(document, ending), media_type=TYPES[ending], headers=headers)
