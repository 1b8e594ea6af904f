"""One path over the terrain, in figures and as a picture."""

from __future__ import annotations

import io
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from phusong.api.profile import LAYERS, UNITS, path_answer, path_view
from phusong.api.profile_models import PathProfile
from phusong.api.served import Asked, RetryingRoute, Served, TheLang, TheStudy, problems
from phusong.layers.messages import say
from phusong.layers.study import Technology
from phusong.maps.profile import ProfileView, profile_png

router = APIRouter(tags=["coverage"], route_class=RetryingRoute)


class AskedPath(Asked):
    """From where to where."""

    start: str = Field(
        alias="from",
        max_length=200,
        description="Id of a sector or a site (its strongest sector), or longitude,latitude in degrees, WGS 84",
        examples=["106.58,16.73"],
    )
    end: str = Field(
        alias="to",
        max_length=200,
        description="Code of a village, or longitude,latitude in degrees, WGS 84",
        examples=["106.6,16.74"],
    )
    technology: Technology | None = Field(None, description="Take the site's sectors of this technology only")
    height_m: float | None = Field(
        None, ge=1, le=350, allow_inf_nan=False, description="Antenna above ground instead of the sector's, m"
    )
    band_mhz: float | None = Field(
        None, ge=30, le=6000, allow_inf_nan=False, description="Frequency instead of the sector's, MHz"
    )


@router.get("/profile", summary=say("api.route.profile", "en"), responses=problems(404))
def profile(asked: Annotated[AskedPath, Query()], study: TheStudy, lang: TheLang) -> PathProfile:
    """Terrain, ray, Fresnel zone and losses of one path; with a sector at its start, the level at its end."""
    return path_answer(_view(asked, study), study.meta(lang, units=UNITS, layers=LAYERS))


@router.get(
    "/profile.png",
    summary=say("api.route.profile_picture", "en"),
    response_class=Response,
    responses={**problems(404), 200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
)
def profile_picture(asked: Annotated[AskedPath, Query()], study: TheStudy, lang: TheLang) -> Response:
    """The same as a picture."""
    buffer = io.BytesIO()
    profile_png(_view(asked, study), buffer, lang=lang)
    return Response(buffer.getvalue(), media_type="image/png")


def _view(asked: AskedPath, study: Served) -> ProfileView:
    return path_view(
        study.inputs.inputs(),
        asked.start,
        asked.end,
        height_m=asked.height_m,
        band_mhz=asked.band_mhz,
        technology=asked.technology,
    )
