"""The HTTP API of one study: read-only on its results, every error a problem document, nothing loaded from elsewhere.

``create_app(study_dir)`` builds it; ``uvicorn phusong.api.app:app`` serves the study named by PHUSONG_STUDY.
"""

from __future__ import annotations

import base64
import hashlib
import html
import ipaddress
import os
import sys
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phusong.api.errors import SECURITY_HEADERS, install, language, problem
from phusong.api.models import Problem
from phusong.api.routes import (
    access,
    classes,
    communes,
    coverage,
    explanation,
    exports,
    gap_villages,
    gaps,
    lists,
    profile,
    ranking,
    report,
    study,
    targets,
)
from phusong.api.served import Served
from phusong.layers.errors import InputError, MissingError, PhusongError
from phusong.layers.messages import say
from phusong.layers.messages.format import day

PREFIX = "/api/v1"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_PACKED = (
    *(exports.MEDIA_TYPES[end] for end in (".xlsx", ".gpkg", ".parquet", ".tif", ".png")),
    *(report.MEDIA_TYPES[end] for end in ("docx", "pdf")),
)
_LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;color:#1e293b;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "h1{line-height:1.25;margin:0}h2{margin:1.6rem 0 .6rem}a{color:#0f5e77}code{font-size:1rem}"
    "dt{margin-top:.7rem;overflow-wrap:anywhere}dd{margin:0}small{display:block;color:#5b6779}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

TAGS = [
    {"name": "study", "description": "The study, its input layers and its indicators."},
    {"name": "communes", "description": "Communes and villages with their indicators."},
    {"name": "gaps", "description": "Who is underserved and why, the targets, and what to build first."},
    {"name": "coverage", "description": "Signal at a point, and the path there."},
    {"name": "access", "description": "Travel to services: from a place, the way there, the areas within a time."},
    {"name": "lists", "description": "Lists as offices use them, filtered and in every format."},
    {"name": "exports", "description": "Files to download, and the map."},
]
ABOUT = (
    "Coverage gaps of one study. Read-only: GET and HEAD. No data is null, never 0; percent is 0-100; positions are "
    "longitude and latitude, WGS 84. Errors are RFC 9457 problem documents. Texts come in Vietnamese or English "
    "(`?lang=vi`, `?lang=en` or Accept-Language). Every list says its date, its sources and whether it is synthetic."
)


class Guard:
    """The outermost layer: names of this host only (if given), HEAD answered as GET without its body, safe headers."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self.app = app
        self.hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        head_only = scope["method"] == "HEAD"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            elif message["type"] == "http.response.body" and head_only:
                message = {**message, "body": b""}
            await send(message)

        if self.hosts and _host_name(scope) not in self.hosts:  # a page elsewhere that renamed itself to this machine
            await problem(Request(scope), 400, "bad_request")(scope, receive, guarded)
            return
        await self.app({**scope, "method": "GET"} if head_only else scope, receive, guarded)


def create_app(study_dir: Path, *, hosts: Collection[str] = ()) -> FastAPI:
    """The API of a study folder; with ``hosts`` it answers only requests made to one of these names.

    MissingError if there is no study, SettingsError if its study.toml is faulty. The study need not have results yet.
    """
    served = Served.of(study_dir)
    app = FastAPI(
        title="phusong",
        version=version("phusong"),
        summary="Where people live without mobile signal, post or broadband, why, and what to build first.",
        description=ABOUT,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.served = served
    app.state.language = served.study.settings.language
    for room in (
        study,
        communes,
        classes,
        explanation,
        gap_villages,
        gaps,
        targets,
        ranking,
        coverage,
        profile,
        access,
        lists,
        report,
        exports,
    ):
        app.include_router(room.router, prefix=PREFIX)
    app.add_api_route("/", _to_map, include_in_schema=False)
    app.add_api_route("/docs", _docs, include_in_schema=False, response_class=HTMLResponse)
    install(app)
    app.add_middleware(
        GZipMiddleware, compresslevel=6, exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *_PACKED)
    )
    app.add_middleware(Guard, hosts=hosts)
    plain_openapi = app.openapi
    app.openapi = lambda: _with_problems(plain_openapi())  # type: ignore[method-assign]
    return app


def serve(study_dir: Path, *, host: str = "127.0.0.1", port: int = 8000, allow_network: bool = False) -> None:
    """Serve a study until interrupted, to this machine only.

    InputError if ``host`` can be reached from other machines and ``allow_network`` does not say that this is meant.
    """
    local = _is_loopback(host)
    if not (local or allow_network):
        raise InputError("api.not_loopback", host=host)
    app = create_app(study_dir, hosts=(*LOOPBACK_NAMES, _bracketed(host)) if local else ())
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)


def app_of_environment() -> FastAPI:
    """The API of the study named by PHUSONG_STUDY; MissingError if it names none."""
    named = os.environ.get("PHUSONG_STUDY", "")
    if not named:
        raise MissingError("api.no_study_named")
    return create_app(Path(named))


def __getattr__(name: str) -> Any:
    """``app``, made when a server asks for it: importing this module needs no study."""
    if name != "app":
        raise AttributeError(name)
    try:
        made = app_of_environment()
    except PhusongError as error:
        print(error.say("en"), file=sys.stderr)
        raise SystemExit(2) from None
    globals()["app"] = made
    return made


async def _to_map() -> RedirectResponse:
    return RedirectResponse(f"{PREFIX}/map")


def _docs(request: Request) -> HTMLResponse:
    """A plain list of the addresses with their parameters: no script, nothing from elsewhere."""
    lang = language(request)
    settings = request.app.state.served.study.settings
    rows = []
    for path, methods in request.app.openapi()["paths"].items():
        asked = methods["get"].get("parameters", [])
        address = f"<code>{html.escape(path)}</code>"
        if not any(one.get("required") for one in asked):
            address = f'<a href="{html.escape(path)}?lang={lang}">{address}</a>'
        names = ", ".join(one["name"] for one in asked if one["in"] == "query" and one["name"] != "lang")
        parameters = html.escape(say("api.about.parameters", lang, names=names)) if names else ""
        about = say(f"api.route.{methods['get']['operationId']}", lang)
        rows.append(f"<dt>{address}</dt><dd>{html.escape(about)}<small>{parameters}</small></dd>")
    title, other = html.escape(settings.name), "en" if lang == "vi" else "vi"
    told = [say("map.ui.as_of", lang, date=day(settings.units_valid_on, lang))]
    told += [say("map.ui.synthetic", lang)] if settings.synthetic else []
    page = (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title} · phusong</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1><p>{html.escape('. '.join(told))}.</p>"
        f'<p><a href="{PREFIX}/map">{html.escape(say("api.about.map", lang))}</a> · '
        f'<a href="/docs?lang={other}" lang="{other}">{_LANGUAGES[other]}</a></p>'
        f"<h2>{html.escape(say('api.about.docs', lang))}</h2><dl>{''.join(rows)}</dl>"
        '<p>OpenAPI: <a href="/openapi.json"><code>/openapi.json</code></a></p></body></html>'
    )
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"
    return HTMLResponse(page, headers={"Content-Security-Policy": policy, "Content-Language": lang})


def _with_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI with the schema of the problem documents that all routes refer to."""
    shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["components"]["schemas"] |= {**shape.pop("$defs"), "Problem": shape}
    return schema


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _host_name(scope: Scope) -> str:
    """The name in the Host header without its port, lower case."""
    raw = next((value for key, value in scope["headers"] if key == b"host"), b"")
    text: str = raw.decode("latin-1").lower()
    return text.partition("]")[0] + "]" if text.startswith("[") else text.partition(":")[0]
