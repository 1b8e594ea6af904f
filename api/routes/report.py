"""The provincial report of the last run, made when it is first asked for."""

from __future__ import annotations

from threading import Lock
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Query, Response

from phusong.api.errors import ResultsChangedError
from phusong.api.provincial import RENDERERS, report_document
from phusong.api.results import Snapshot
from phusong.api.served import Asked, RetryingRoute, Served, TheLang, TheResults, TheStudy, problems
from phusong.layers.errors import MissingError
from phusong.layers.messages import Lang, say
from phusong.maps.report.document import Document

router = APIRouter(tags=["exports"], route_class=RetryingRoute)

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html; charset=utf-8",
}
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_MAKING = Lock()
"""Held while a report is made: whoever asks for the same one meanwhile waits for it."""
_documents: WeakKeyDictionary[Snapshot, dict[Lang, Document]] = WeakKeyDictionary()
_made: WeakKeyDictionary[Snapshot, dict[tuple[str, Lang], bytes]] = WeakKeyDictionary()


def _answers(ending: str) -> dict[int | str, dict[str, Any]]:
    return {**problems(404), 200: {"content": {MEDIA_TYPES[ending]: _BINARY}}}


@router.get(
    "/report.pdf",
    summary=say("api.route.report_pdf", "en"),
    response_class=Response,
    responses=_answers("pdf"),
)
def report_pdf(asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> Response:
    """Summary, targets, maps, lists, methods, sources and limits; its figures are those of the lists."""
    return _answer("pdf", study, results, lang)


@router.get(
    "/report.docx",
    summary=say("api.route.report_docx", "en"),
    response_class=Response,
    responses=_answers("docx"),
)
def report_docx(asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> Response:
    """The same, to go on with in an office."""
    return _answer("docx", study, results, lang)


@router.get(
    "/report.html",
    summary=say("api.route.report_html", "en"),
    response_class=Response,
    responses=_answers("html"),
)
def report_html(asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> Response:
    """The same as one page that loads nothing."""
    return _answer("html", study, results, lang)


def _answer(ending: str, study: Served, results: Snapshot, lang: Lang) -> Response:
    with _MAKING:
        kept = _made.setdefault(results, {})
        if (ending, lang) not in kept:
            kept[ending, lang] = RENDERERS[ending](_document(study, results, lang))
        made = kept[ending, lang]
    name = f"{say('province_report.file', lang)}.{ending}"
    shown = "inline" if ending == "html" else "attachment"
    headers = {
        "Content-Disposition": f'{shown}; filename="{name}"',
        "Content-Language": lang,
        "Vary": "Accept-Language",
    }
    if ending == "html":
        headers["Content-Security-Policy"] = POLICY
    return Response(made, media_type=MEDIA_TYPES[ending], headers=headers)


def _document(study: Served, results: Snapshot, lang: Lang) -> Document:
    """The report of these results; ResultsChangedError where a run took them away while it was made."""
    kept = _documents.setdefault(results, {})
    if lang not in kept:
        try:
            made = report_document(study.study, lang)
        except (MissingError, OSError) as error:
            if study.results.snapshot().key != results.key:
                raise ResultsChangedError("api.results_changed") from error
            raise
        if study.results.snapshot().key != results.key:
            raise ResultsChangedError("api.results_changed")
        kept[lang] = made
    return kept[lang]
