"""What a map shows: plain frames and rasters, labelled; made by the pipeline, drawn by ``page`` and ``static``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import geopandas as gpd
import pandas as pd

from phusong.layers.grid import Raster
from phusong.layers.messages import Lang

Sense = Literal["better", "worse", "neutral"]
Reasons = Mapping[str, Mapping[Lang, list[str]]]


@dataclass(frozen=True)
class MapIndicator:
    """One column that can be shown: ``id`` is the column, ``label`` its name in each language.

    ``unit`` is a unit of measure; where the catalogue has ``measure.<unit>`` it is said in the reader's language.
    ``kind`` "number" or "yes_no". ``higher_is`` chooses the colours: better (teal is high), worse (brown is high) or
    neutral (one hue). ``group`` is a word of ``map.group``; empty: found from the id. ``modelled``: it rests on the
    radio model. ``placed``: it rests on where people were placed in their commune. ``travelled``: it rests on ways over
    the ground. All three are said beside the figures.
    """

    id: str
    label: Mapping[Lang, str]
    unit: str = ""
    kind: Literal["number", "yes_no"] = "number"
    higher_is: Sense = "neutral"
    group: str = ""
    modelled: bool = False
    placed: bool = False
    travelled: bool = False


@dataclass(frozen=True)
class MapTravel:
    """Travel time to one service: ``minutes`` negative where no point is reached, NaN where nothing is shown.

    ``label``: what one point of it is called; ``told``: what the times rest on. ``points``: its points with
    ``point_id`` and, if known, ``name, kind, operator, people_nearest`` (for how many it is reached first),
    ``in_reach_of_nobody``.
    """

    service: str
    label: Mapping[Lang, str]
    told: Mapping[Lang, str]
    minutes: Raster
    points: gpd.GeoDataFrame


@dataclass(frozen=True)
class MapView:
    """Everything one map draws. Frames may be in any CRS (each carries its own); absent ones are None.

    ``title``: the study's name. ``as_of``: the date of the figures, ISO 8601. ``units``: polygons with ``code, name``
    and, if known, ``district, population``, ``people_method`` (how people were placed: raster, dasymetric, uniform) and
    the indicator columns. ``villages``: points with ``code, name`` and, if known, ``unit_code, population, grid_power``
    and the columns of ``village_indicators``. ``gap_units``: ``code`` and, if known, ``rank, rank_low, rank_high,
    need_index, people_affected, classes, basis``. ``gap_villages``: the same columns; its points are those of
    ``villages`` by code, unless it has its own geometry. ``reasons`` and ``village_reasons``: by code, one sentence
    each in each language. ``sites``: points with ``site_id`` and, if known, ``name, owner,
    operators, technologies, status``. ``postal_points``: points with ``point_id, kind`` and, if known, ``name,
    operator, same_day_mail``. ``plan``: ``rank, lon, lat`` (degrees, WGS 84) and, if known, the other columns of the
    investment list. ``margins``: by technology, by how many dB the level exceeds what its server must bring (covered
    from 0 up, -inf no mast in range, NaN no data). ``required_dbm``: by technology, the least and the most that a
    server must bring. ``travel``: times to services; ``travelled``: what all of them rest on. ``asked``: for whom a
    covered place holds, in each language. ``sources``: lines of attribution, shown as plain text. ``first_indicator``:
    the id shown first; empty: the first one.
    """

    title: str
    lang: Lang
    synthetic: bool
    as_of: str
    units: gpd.GeoDataFrame
    indicators: tuple[MapIndicator, ...]
    elevation: Raster | None = None
    villages: gpd.GeoDataFrame | None = None
    village_indicators: tuple[MapIndicator, ...] = ()
    gap_units: pd.DataFrame | None = None
    gap_villages: pd.DataFrame | None = None
    reasons: Reasons = field(default_factory=dict)
    village_reasons: Reasons = field(default_factory=dict)
    sites: gpd.GeoDataFrame | None = None
    postal_points: gpd.GeoDataFrame | None = None
    plan: pd.DataFrame | None = None
    margins: Mapping[str, Raster] = field(default_factory=dict)
    required_dbm: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    travel: tuple[MapTravel, ...] = ()
    travelled: Mapping[Lang, str] = field(default_factory=dict)
    asked: Mapping[Lang, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    first_indicator: str = ""
