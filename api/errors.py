"""RFC 9457 answers: one table from the project's errors to HTTP, and the handlers that speak it.

Every answer that is not a success has the media type ``application/problem+json``; its ``type`` is a URN that never
changes, its ``title`` and ``detail`` are said in the language asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from phusong.api.models import Problem, ProblemError
from phusong.layers.errors import ComputeError, CrsError, InputError, MissingError, PhusongError, SettingsError
from phusong.layers.messages import LANGS, Lang, has, say

PROBLEM_JSON = "application/problem+json"


class NoResultsError(MissingError):
    """The study has not been run, or this run made no such result."""


class OutsideError(MissingError):
    """A point lies outside the units of the study."""


class QueryError(InputError):
    """A request asks with a word the study does not know; carries the parameter as the fault's column."""


class ResultsChangedError(PhusongError):
    """The results were swapped while they were being read."""


KINDS: dict[type[PhusongError], tuple[int, str]] = {
    NoResultsError: (503, "no_results"),
    ResultsChangedError: (503, "results_changed"),
    OutsideError: (404, "outside_study"),
    MissingError: (404, "not_found"),
    QueryError: (422, "invalid_request"),
    SettingsError: (500, "internal"),
    InputError: (500, "internal"),
    CrsError: (500, "internal"),
    ComputeError: (500, "internal"),
    PhusongError: (500, "internal"),
}
"""HTTP status and kind of problem of each error; the nearest class in the error's ancestry counts."""

STATUS_KINDS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    416: "range_not_satisfiable",
    422: "invalid_request",
}

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}
"""On every answer; a page that runs scripts brings its own Content-Security-Policy."""


def language(request: Request) -> Lang:
    """The language asked for: ``?lang=``, else the first known one of Accept-Language, else the study's."""
    asked = request.query_params.get("lang", "")
    for lang in LANGS:
        if asked == lang:
            return lang
    wanted: list[tuple[float, int, Lang]] = []
    for place, part in enumerate(request.headers.get("accept-language", "").split(",")):
        tag, _, rest = part.strip().partition(";")
        try:
            quality = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            continue
        wanted += [(-quality, place, lang) for lang in LANGS if tag.lower().split("-")[0] == lang and quality > 0]
    if wanted:
        return min(wanted)[2]
    default: Lang = request.app.state.language
    return default


def kind_of(error: PhusongError) -> tuple[int, str]:
    """HTTP status and kind of problem of an error of the project."""
    return next(KINDS[c] for c in type(error).__mro__ if issubclass(c, PhusongError) and c in KINDS)


def problem(
    request: Request,
    status: int,
    kind: str,
    *,
    code: str = "",
    detail: str = "",
    errors: Sequence[ProblemError] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document; ``detail`` defaults to the kind's own sentence."""
    lang = language(request)
    body = Problem(
        type=f"urn:phusong:problem:{kind.replace('_', '-')}",
        title=say(f"api.problem.{kind}.title", lang),
        status=status,
        detail=detail or say(f"api.problem.{kind}.detail", lang),
        instance=request.url.path,
        code=code or f"api.problem.{kind}",
        errors=list(errors),
    )
    return JSONResponse(
        body.model_dump(mode="json"),
        status_code=status,
        media_type=PROBLEM_JSON,
        headers={**SECURITY_HEADERS, "Content-Language": lang, "Vary": "Accept-Language", **(headers or {})},
    )


def install(app: FastAPI) -> None:
    """Let the app answer every error as a problem document."""
    app.add_exception_handler(PhusongError, _on_project_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_crash)


def _on_project_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PhusongError)  # noqa: S101 - registered for this class only
    status, kind = kind_of(error)
    lang = language(request)
    if kind == "internal":  # the study's own state, not the client's request: words, but no path and no trace
        return problem(request, status, kind, code=error.code)
    found = [
        ProblemError(location=f"query.{fault.column}", code=fault.code, message=say(fault.code, lang, **fault.params))
        for fault in error.faults
    ]
    headers = {"Retry-After": "1"} if status == 503 else None
    detail = say(error.code, lang, **error.params)
    return problem(request, status, kind, code=error.code, detail=detail, errors=found, headers=headers)


def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    kind = STATUS_KINDS.get(error.status_code, "bad_request" if error.status_code < 500 else "internal")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = "GET, HEAD"
    return problem(request, error.status_code, kind, headers=headers)


def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    lang = language(request)
    found = [_field_error(e, lang) for e in error.errors()]
    return problem(request, 422, "invalid_request", errors=found)


def _on_crash(request: Request, error: Exception) -> JSONResponse:
    """The server logs the error and its traceback; the client learns only that it happened."""
    return problem(request, 500, "internal")


def _field_error(error: Mapping[str, Any], lang: Lang) -> ProblemError:
    kind = str(error["type"])
    code = f"api.invalid.{kind}" if has(f"api.invalid.{kind}") else "api.invalid.other"
    limits = {key: str(value) for key, value in (error.get("ctx") or {}).items()}
    return ProblemError(
        location=".".join(str(part) for part in error["loc"]), code=code, message=say(code, lang, **limits)
    )
