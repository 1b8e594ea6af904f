"""What every route is handed: the study, its results as last completed, the language asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from phusong.api.errors import PROBLEM_JSON, NoResultsError, ResultsChangedError, language
from phusong.api.layer_info import LayerBook
from phusong.api.models import Dated, Meta
from phusong.api.pipeline import Inputs, read_study
from phusong.api.results import ResultsReader, Snapshot
from phusong.api.trips import Searches
from phusong.layers.messages import Lang
from phusong.layers.study import Study

PATIENCE_S = 3.0
"""How long a request asks again while runs swap the results under it."""
PAUSE_S = 0.05


class InputsReader:
    """The inputs of a study as a run reads them, read again when a file changed; thread-safe."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._lock = Lock()
        self._kept: tuple[object, Inputs] | None = None

    def inputs(self) -> Inputs:
        """Validated layers and rasters; InputError as ``read_study``."""
        study = self._study
        files = [study.layers_path, *sorted(study.rasters_dir.glob("*.tif")), *sorted(study.patterns_dir.glob("*"))]
        with self._lock:
            stamp = [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files if path.exists()]
            if self._kept is None or self._kept[0] != stamp:
                self._kept = stamp, read_study(self._study)
            return self._kept[1]


@dataclass(frozen=True)
class Served:
    """One study being served."""

    study: Study
    results: ResultsReader
    layers: LayerBook
    inputs: InputsReader
    searches: Searches = field(default_factory=Searches)

    @classmethod
    def of(cls, study_dir: Path) -> Served:
        """Open a study folder; MissingError or SettingsError as ``Study``."""
        study = Study(study_dir)
        return cls(study, ResultsReader(study.root), LayerBook(study), InputsReader(study))

    def meta(self, lang: Lang, *, units: dict[str, str] | None = None, layers: Iterable[str] | None = None) -> Meta:
        """What stands on every figure; ``layers``: the inputs it rests on, all of the study's if not given."""
        facts = self.layers.facts()
        wanted = set(layers) if layers is not None else {f.name for f in facts}
        settings = self.study.settings
        return Meta(
            study=settings.name,
            as_of=settings.units_valid_on,
            synthetic=settings.synthetic or any(f.synthetic for f in facts if f.name in wanted),
            lang=lang,
            units=units or {},
            layers={
                f.name: Dated(as_of=list(f.as_of), sources=list(f.sources), synthetic=f.synthetic)
                for f in facts
                if f.name in wanted
            },
            people_methods=self._people_methods(),
        )

    def _people_methods(self) -> list[str]:
        try:
            return self.results.snapshot().people_methods
        except NoResultsError:
            return []


def served(request: Request) -> Served:
    """The study of this server."""
    found: Served = request.app.state.served
    return found


def results(request: Request) -> Snapshot:
    """The results as last completed; a problem "no results" before the first run."""
    return served(request).results.snapshot()


def spoken(request: Request, response: Response) -> Lang:
    """The language of the answer, told in its headers."""
    lang = language(request)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Language"
    return lang


TheStudy = Annotated[Served, Depends(served)]
TheResults = Annotated[Snapshot, Depends(results)]
TheLang = Annotated[Lang, Depends(spoken)]


class Asked(BaseModel):
    """Parameters every address takes."""

    model_config = ConfigDict(extra="forbid")
    lang: Lang | None = Field(
        None, description="Language of the texts: vi or en; else Accept-Language, else the study's"
    )


class AskedPage(Asked):
    """Parameters every list takes."""

    limit: int = Field(50, ge=1, le=500, description="Most rows on a page")
    offset: int = Field(0, ge=0, le=10_000_000, description="Rows to leave out before the page")


class RetryingRoute(APIRoute):
    """A route that asks again when a run swapped the results in the middle of an answer."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of one request."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            until = time.monotonic() + PATIENCE_S
            while True:
                try:
                    return await answer(request)
                except ResultsChangedError:
                    if time.monotonic() > until:
                        raise
                    await asyncio.sleep(PAUSE_S)

        return handler


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for OpenAPI; every route may answer 422 and 503."""
    words = {
        404: "Not in this study",
        422: "Invalid parameters",
        503: "No results yet, or they are being replaced",
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": words[status], "content": {PROBLEM_JSON: {"schema": schema}}}
        for status in (*statuses, 422, 503)
    }
