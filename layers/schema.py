"""Each layer, declared once: columns, units, closed words. Validation, documentation and templates follow from it.

Descriptions of layers and columns in both languages are messages ``layer.<layer>.about`` and
``column.<layer>.<column>`` (``column.common.<column>`` for the common ones).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "number", "integer", "yes_no", "date", "word"]
Shape = Literal["point", "line", "polygon"]
Geometry = Literal["point", "line", "polygon", "any", "none"]

TECHNOLOGIES = ("2G", "3G", "4G", "5G")

RESOURCE_BLOCKS_4G = {1.4: 6, 3.0: 15, 5.0: 25, 10.0: 50, 15.0: 75, 20.0: 100}
"""N_RB by channel bandwidth in MHz, 3GPP TS 36.101 table 5.6-1."""

RESOURCE_BLOCKS_5G_15_KHZ = {
    5.0: 25, 10.0: 52, 15.0: 79, 20.0: 106, 25.0: 133, 30.0: 160, 35.0: 188, 40.0: 216, 45.0: 242, 50.0: 270,
}  # fmt: skip
"""N_RB by channel bandwidth in MHz at 15 kHz subcarrier spacing, 3GPP TS 38.101-1 table 5.3.2-1."""

RESOURCE_BLOCKS_5G_30_KHZ = {
    5.0: 11, 10.0: 24, 15.0: 38, 20.0: 51, 25.0: 65, 30.0: 78, 35.0: 92, 40.0: 106, 45.0: 119, 50.0: 133,
    60.0: 162, 70.0: 189, 80.0: 217, 90.0: 245, 100.0: 273,
}  # fmt: skip
"""The same at 30 kHz, which the time-division bands from 2,300 MHz use."""

FIRST_30_KHZ_BAND_MHZ = 2300.0


def channels(technology: str, *, band_mhz: float) -> dict[float, int]:
    """N_RB by channel bandwidth in MHz of a carrier; empty for 2G and 3G, which have one bandwidth each."""
    if technology == "4G":
        return RESOURCE_BLOCKS_4G
    if technology == "5G":
        return RESOURCE_BLOCKS_5G_30_KHZ if band_mhz >= FIRST_30_KHZ_BAND_MHZ else RESOURCE_BLOCKS_5G_15_KHZ
    return {}


@dataclass(frozen=True)
class Column:
    """One column: its kind, unit, whether the column must exist and whether a cell may be empty.

    ``required``: the column must be there. ``nullable``: an empty cell means "no data" (never 0). ``defaulted``: where
    the column or the cell is missing, radio takes the value from its documented table and counts the use.
    """

    name: str
    kind: Kind
    unit: str = ""
    required: bool = False
    nullable: bool = True
    words: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()  # texts that mean something else in the results
    minimum: float | None = None
    maximum: float | None = None
    defaulted: bool = False


@dataclass(frozen=True)
class Layer:
    """One layer: geometry, key columns (unique together) and columns; a study cannot run without a ``required`` one.

    ``any_of``: the shapes that a layer of geometry "any" takes. ``placeless``: a row may have no shape.
    """

    name: str
    geometry: Geometry
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    required: bool = False
    refers: dict[str, tuple[str, str]] = field(default_factory=dict)  # column -> (layer, column) it must be found in
    any_of: tuple[Shape, ...] = ()
    placeless: bool = False

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes its rows may have; none for a layer without geometry."""
        if self.geometry == "any":
            return self.any_of
        return () if self.geometry == "none" else (self.geometry,)

    def column(self, name: str) -> Column:
        """The declaration of one column; KeyError if there is none."""
        return {c.name: c for c in self.all_columns}[name]

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The layer's own columns, then the common ones."""
        return self.columns + COMMON


COMMON = (
    Column("as_of", "date", required=True, nullable=False),
    Column("source", "text"),
    Column("synthetic", "yes_no"),
)


def _key(name: str) -> Column:
    return Column(name, "text", required=True, nullable=False)


def _count(name: str, unit: str, *, required: bool = False) -> Column:
    return Column(name, "number", unit, required=required, minimum=0)


def _flag(name: str, *, required: bool = False) -> Column:
    return Column(name, "yes_no", required=required)


_MINORITY = (
    _count("minority_people", "persons"),
    Column("minority_pct", "number", "%", minimum=0, maximum=100),  # where the persons are not given
)

UNITS = Layer(
    "units",
    "polygon",
    ("code", "valid_on"),
    (
        _key("code"),
        Column("valid_on", "date", required=True, nullable=False),
        Column("name", "text", required=True, nullable=False),
        Column("district", "text"),
        Column("kind", "word", words=("commune", "ward", "township", "island")),
        _count("population", "persons", required=True),
        _count("households", "households"),
        Column("area_km2", "number", "km2", minimum=0),
        _flag("counted"),  # no: counts in people and area, never in "x of 141"
        _flag("mountainous"),
        _flag("land_border"),
        _flag("sea_border"),
        _flag("island"),
        _flag("ethnic_minority"),
        _flag("programme"),
        _flag("remote"),
        *_MINORITY,
    ),
    required=True,
)

VILLAGES = Layer(
    "villages",
    "point",
    ("code",),
    (
        _key("code"),
        Column("name", "text", required=True, nullable=False),
        _key("unit_code"),
        _count("population", "persons"),
        _count("households", "households"),
        _flag("grid_power"),
        _flag("mountainous"),
        _flag("ethnic_minority"),
        _flag("programme"),
        _flag("remote"),
        *_MINORITY,
    ),
    refers={"unit_code": ("units", "code")},
)

VILLAGE_AREAS = Layer("village_areas", "polygon", ("code",), (_key("code"),), refers={"code": ("villages", "code")})

VILLAGE_CLUSTERS = Layer(
    "village_clusters",
    "point",
    ("cluster_id",),
    (_key("cluster_id"), _key("village_code"), _count("households", "households"), _count("population", "persons")),
    refers={"village_code": ("villages", "code")},
)

SITES = Layer(
    "sites",
    "point",
    ("site_id",),
    (
        _key("site_id"),
        Column("name", "text"),
        Column("owner", "text"),
        Column("status", "word", words=("in_service", "planned", "closed")),
        _flag("shared"),
        Column("backhaul", "word", words=("fibre", "microwave", "satellite", "copper", "none")),
        Column("power_source", "word", words=("grid", "solar", "generator", "hybrid")),
        Column("in_service_from", "date"),
        Column("in_service_to", "date"),
    ),
)

SECTORS = Layer(
    "sectors",
    "none",
    ("sector_id",),
    (
        _key("sector_id"),
        _key("site_id"),
        Column("operator", "text", required=True, nullable=False, reserved=("any",)),
        Column("technology", "word", required=True, nullable=False, words=TECHNOLOGIES),
        Column("band_mhz", "number", "MHz", minimum=30, maximum=6000, defaulted=True),
        Column("bandwidth_mhz", "number", "MHz", minimum=0.2, maximum=400, defaulted=True),
        Column("carrier_power_dbm", "number", "dBm", minimum=-10, maximum=60, defaulted=True),
        Column("pilot_share_pct", "number", "%", minimum=0.1, maximum=100, defaulted=True),
        Column("feeder_loss_db", "number", "dB", minimum=0, maximum=30, defaulted=True),
        Column("antenna_gain_dbi", "number", "dBi", minimum=-10, maximum=40, defaulted=True),
        Column("height_m", "number", "m", required=True, nullable=False, minimum=1, maximum=350),
        Column("azimuth_deg", "number", "deg", minimum=0, maximum=360),  # empty: omnidirectional
        Column("mechanical_tilt_deg", "number", "deg", minimum=-20, maximum=30, defaulted=True),
        Column("electrical_tilt_deg", "number", "deg", minimum=-20, maximum=30, defaulted=True),
        Column("beamwidth_h_deg", "number", "deg", minimum=1, maximum=360, defaulted=True),
        Column("beamwidth_v_deg", "number", "deg", minimum=1, maximum=180, defaulted=True),
        Column("pattern", "text"),  # a file of the study's folder of patterns
        Column("base_sensitivity_dbm", "number", "dBm", minimum=-140, maximum=-60),
    ),
    refers={"site_id": ("sites", "site_id")},
)

SIGNAL_REPORTS = Layer(
    "signal_reports",
    "any",
    ("report_id",),
    (
        _key("report_id"),
        Column("village_code", "text"),
        Column("operator", "text"),  # empty: any operator
        Column("technology", "word", words=TECHNOLOGIES),  # empty: any technology
        _flag("has_signal"),
        Column("level_dbm", "number", "dBm", minimum=-160, maximum=0),
        Column("place", "word", words=("centre", "cluster", "area")),
    ),
    refers={"village_code": ("villages", "code")},
    any_of=("point", "polygon"),
    placeless=True,  # where it names its village
)

POSTAL_POINTS = Layer(
    "postal_points",
    "point",
    ("point_id",),
    (
        _key("point_id"),
        Column("name", "text"),
        Column(
            "kind",
            "word",
            required=True,
            nullable=False,
            words=("post_office", "commune_culture_post", "agency", "telecom_point"),
        ),
        Column("operator", "text"),
        Column("unit_code", "text"),
        _flag("same_day_mail"),
        Column("services", "text"),
        _count("capacity", "places"),  # what catchments share out; empty: 1 a point
    ),
    refers={"unit_code": ("units", "code")},
)

SERVICE_POINTS = Layer(
    "service_points",
    "point",
    ("point_id",),
    (
        _key("point_id"),
        Column("name", "text"),
        Column("kind", "word", required=True, nullable=False, words=("public_internet", "telephone_access")),
        Column("operator", "text"),
        Column("unit_code", "text"),
        _count("capacity", "places"),
        _flag("in_service"),  # empty: in service
    ),
    refers={"unit_code": ("units", "code")},
)

BROADBAND = Layer(
    "broadband",
    "none",
    ("code", "as_of"),
    (
        _key("code"),
        Column("valid_on", "date"),  # of the units: a code alone may mean another unit today
        _count("broadband_subscribers", "subscribers"),
        _count("adsl_subscribers", "subscribers"),
        _count("fttx_subscribers", "subscribers"),
        _count("telephone_subscribers", "subscribers"),
        _count("fixed_telephones", "subscribers"),
        _flag("telephone_access_point"),
        _flag("public_internet_point"),
        _flag("fibre_to_commune"),
    ),
    refers={"code": ("units", "code")},
)

FACILITIES = Layer(
    "facilities",
    "point",
    ("facility_id",),
    (
        _key("facility_id"),
        Column("name", "text"),
        Column(
            "kind",
            "word",
            required=True,
            nullable=False,
            words=(
                "primary_school",
                "lower_secondary_school",
                "upper_secondary_school",
                "college",
                "hospital",
                "health_station",
                "commune_office",
                "district_office",
                "provincial_office",
            ),
        ),
        Column("unit_code", "text"),
        _flag("urban"),
        _flag("lan"),
        _flag("broadband"),
        _flag("government_network"),
        _flag("video_conference"),
        _count("capacity", "places"),
    ),
    refers={"unit_code": ("units", "code")},
)

PUBLISHED_FIGURES = Layer(
    "published_figures",
    "none",
    ("indicator", "district", "as_of"),
    (
        _key("indicator"),  # id of a provincial indicator
        Column("district", "text"),  # empty: of the whole province
        Column("value", "number", required=True, nullable=False),
        Column("note", "word", words=("inconsistent_area", "over", "implied")),
    ),
)

FIBRE_STATUSES = ("proposed", "planned", "underConstruction", "inactive", "operational", "decommissioned")
"""Of nodes and spans: the closed lists nodeStatus and spanStatus of the Open Fibre Data Standard."""

FIBRE_NODES = Layer(
    "fibre_nodes",
    "point",
    ("node_id", "network_id"),  # a node's id is unique within its network only
    (
        _key("node_id"),
        _key("network_id"),
        Column("network", "text"),
        Column("name", "text"),
        Column("status", "word", words=FIBRE_STATUSES),
        Column("phase", "text"),
        Column("kind", "text"),  # an open list of the standard, several joined by "; "
        _flag("access_point"),
        _flag("power"),
        Column("technologies", "text"),
        Column("owner", "text"),
        Column("providers", "text"),
        Column("address", "text"),
        Column("international", "text"),
        Column("publisher", "text"),
    ),
)

FIBRE_SPANS = Layer(
    "fibre_spans",
    "line",
    ("span_id", "network_id"),
    (
        _key("span_id"),
        _key("network_id"),
        Column("network", "text"),
        Column("name", "text"),
        Column("status", "word", words=FIBRE_STATUSES),
        Column("phase", "text"),
        Column("start_node", "text"),  # may lie in a file of its own, or not be published: no reference
        Column("end_node", "text"),
        _flag("directed"),
        Column("ready_on", "date"),
        Column("owner", "text"),
        Column("providers", "text"),
        Column("supplier", "text"),
        Column("medium", "text"),
        Column("deployment", "text"),
        _flag("dark_fibre"),
        Column("fibre_type", "text"),
        Column("fibre_count", "integer", "fibres", minimum=0),
        Column("fibre_length_m", "number", "m", minimum=0),
        Column("capacity_gbps", "number", "Gbit/s", minimum=0),
        Column("technologies", "text"),
        Column("publisher", "text"),
    ),
    placeless=True,  # a cable whose route is not published
)

ROAD_CLASSES = ("motorway", "national", "provincial", "district", "commune", "village", "track", "path")

ROADS = Layer(
    "roads",
    "line",
    ("road_id",),
    (
        _key("road_id"),
        Column("name", "text"),
        Column("class", "word", required=True, nullable=False, words=ROAD_CLASSES),
        Column("surface", "word", words=("paved", "gravel", "earth")),
        _flag("bridge"),  # no: where it meets a river there is none; empty counts as yes
        _flag("floods"),
    ),
)

RIVERS = Layer(
    "rivers",
    "any",
    ("river_id",),
    (
        _key("river_id"),
        Column("name", "text"),
        _flag("floods_only"),  # dry but for floods
        Column("width_m", "number", "m", minimum=0),
    ),
    any_of=("line", "polygon"),
)

CROSSINGS = Layer(
    "crossings",
    "any",
    ("crossing_id",),
    (
        _key("crossing_id"),
        Column("name", "text"),
        Column("kind", "word", required=True, nullable=False, words=("bridge", "ferry", "ford")),
        Column("wait_min", "number", "min", minimum=0, defaulted=True),
        _flag("floods"),
    ),
    any_of=("point", "line"),
)

BORDERS = Layer(
    "borders",
    "line",
    ("border_id",),
    (
        _key("border_id"),
        Column("kind", "word", required=True, nullable=False, words=("land_border", "coast")),
        Column("name", "text"),
    ),
)

LAYERS: dict[str, Layer] = {
    layer.name: layer
    for layer in (
        UNITS,
        VILLAGES,
        VILLAGE_AREAS,
        VILLAGE_CLUSTERS,
        SITES,
        SECTORS,
        SIGNAL_REPORTS,
        POSTAL_POINTS,
        SERVICE_POINTS,
        BROADBAND,
        FACILITIES,
        PUBLISHED_FIGURES,
        FIBRE_NODES,
        FIBRE_SPANS,
        ROADS,
        RIVERS,
        CROSSINGS,
        BORDERS,
    )
}

RASTERS = ("elevation", "population", "land_cover")
PATTERNS = "patterns"
"""What antenna patterns are imported as, and the folder they lie in."""

PACKS = "packs"
"""What a study's own rule packs are called among its inputs, and the folder they lie in."""

RESERVED = ("power_grid", "national_border")
