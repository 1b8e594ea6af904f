"""The study folder: its settings, and where its layers, rasters and results lie."""

from __future__ import annotations

import difflib
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from phusong.layers.errors import Fault, InputError, MissingError, SettingsError
from phusong.layers.index_settings import IndexComponent, IndexSettings
from phusong.layers.messages import Lang, Text, say
from phusong.layers.schema import PACKS, PATTERNS
from phusong.layers.sections import NotNegative, Positive, Section
from phusong.layers.toml_lines import line_of

Technology = Literal["2G", "3G", "4G", "5G"]
Model = Literal[
    "delta-bullington", "p1812", "itm", "line-of-sight", "free-space", "okumura-hata", "cost231-hata", "rma", "uma"
]
Environment = Literal["large_city", "urban", "suburban", "quasi_open", "open"]
Climate = Literal[
    "equatorial",
    "continental-subtropical",
    "maritime-subtropical",
    "desert",
    "continental-temperate",
    "maritime-temperate-over-land",
    "maritime-temperate-over-sea",
]
CLIMATE: Climate = "maritime-subtropical"  # the coasts and mountains of the monsoon
EARTH_FACTOR = 4 / 3  # median refraction in temperate climates


class Province(Section):
    """The area studied."""

    name: str = ""
    """Name as it stands in titles."""
    area_km2: Positive | None = None
    """Official area, km2; the sum of the units' areas where it is missing."""
    area_source: str = ""
    """Where the official area comes from."""


class Services(Section):
    """Which services the study judges; the rules of the others are left out."""

    mobile: bool = True
    """Mobile signal."""
    post: bool = True
    """Post."""
    broadband: bool = True
    """Broadband and telephones."""
    facilities: bool = True
    """Schools, health and offices online."""


class RadioLink(Section):
    """What a place must have to count as covered, beyond the usable level in the open."""

    receiver: Literal["outdoor", "vehicle", "indoor"] = "outdoor"
    """Where the terminal is used: outdoor, vehicle or indoor."""
    high_loss: bool = False
    """Thick walls or coated glass (indoor), metallised windows (vehicle)."""
    depth_m: Annotated[float, Field(ge=0, le=25)] = 0.0
    """How far inside the building the terminal is (indoor), m."""
    body: bool = False
    """Add the loss of the body that holds the terminal."""
    reliability_pct: Annotated[float, Field(gt=0, lt=100)] = 50.0
    """Share of places that must have signal, %; 50 on the edge is the median, without fading margin."""
    reliability_at: Literal["edge", "area"] = "edge"
    """Whether that share is meant on the cell's edge or over its whole area."""
    sigma_db: Annotated[float, Field(ge=0.1, le=30)] | None = None
    """Standard deviation of shadow fading outdoors, dB; the documented table's by environment where missing."""
    uplink: bool = False
    """Count a place as covered only where the terminal reaches the mast as well."""


class RadioSettings(Section):
    """How received power is computed."""

    max_range_km: Annotated[float, Field(gt=0, le=100)] = 20.0
    """Farthest distance from a mast that is computed, km."""
    model: Model = "delta-bullington"
    """Propagation model: delta-bullington (free space and diffraction), p1812, itm (Longley-Rice), line-of-sight, or a
    model without terrain: okumura-hata, cost231-hata, rma, uma, free-space."""
    environment: Environment = "open"
    """Surroundings of the terminal, for okumura-hata and cost231-hata."""
    terrain_k: Annotated[float, Field(ge=0, le=2)] | None = None
    """Diffraction over the terrain for a model that knows none: max(model, free space + terrain_k x diffraction)."""
    offset_db: Annotated[float, Field(ge=-60, le=60)] = 0.0
    """Added to every loss, dB, such as the offset fitted to measurements."""
    time_pct: Annotated[float, Field(ge=1, le=99)] = 50.0
    """The loss not exceeded for this share of the year, % (p1812: 1 to 50; itm)."""
    location_pct: Annotated[float, Field(ge=1, le=99)] = 50.0
    """The loss not exceeded at this share of places, % (p1812, itm)."""
    polarisation: Literal["vertical", "horizontal"] = "vertical"
    """Polarisation of the antennas."""
    spherical_earth: bool = True
    """Whether diffraction takes the spherical Earth in, as the Recommendation has it; without it a run is faster."""
    effective_earth_factor: Annotated[float, Field(ge=0.2, le=100)] = EARTH_FACTOR
    """Effective Earth radius over the Earth's radius (4/3: median refraction), where delta_n does not say it."""
    delta_n: Annotated[float, Field(ge=0, le=150)] | None = None
    """Fall of refractivity over the lowest kilometre, N-units/km; the effective Earth radius is 157 / (157 - delta_n)
    times the Earth's. Where missing: the region's for p1812."""
    n0: Annotated[float, Field(ge=200, le=500)] | None = None
    """Refractivity at sea level, N-units, for p1812 and itm; the region's where missing."""
    climate: Climate = CLIMATE
    """Radio climate, for itm."""
    elevation_model: Literal["terrain", "surface"] = "terrain"
    """terrain: the elevation is bare ground, land cover stands on it; surface: it holds trees and houses already (SRTM,
    Copernicus GLO-30, AW3D30)."""
    servers_kept: Annotated[int, Field(ge=2, le=8)] = 3
    """How many of the best masts are kept for each cell."""
    keep_path_loss: bool = True
    """Keep the path losses of every mast in the study's folder: of a changed network only what changed is computed."""
    terminal_height_m: Annotated[float, Field(gt=0, le=100)] = 1.5
    """Height of the terminal above ground, m."""
    usable_dbm: dict[Technology, Annotated[float, Field(ge=-160, le=0)]] = {}
    """Usable level outdoors per technology, dBm in its own quantity; the documented table where missing."""
    clutter_height_m: dict[Annotated[int, Field(ge=0)], Annotated[float, Field(ge=0, le=100)]] = {}
    """Height of what stands on the ground by class of the land cover, m; the documented table where missing."""
    link: RadioLink = RadioLink()


class PeopleSettings(Section):
    """Where in a commune its people are taken to live."""

    method: Literal["auto", "raster", "dasymetric"] = "auto"
    """raster: the population raster; dasymetric: around village centres; auto: the raster if there is one."""
    village_radius_m: Positive = 1500.0
    """Distance from a village centre within which its people live, m."""
    max_slope_pct: Positive = 60.0
    """Nobody lives on ground steeper than this, %."""
    cluster_min_people: Positive = 20.0
    """Where clusters of houses are not known, so many people on neighbouring cells without signal stand in for one."""


def _flat(value: Any, start: str = "") -> Any:
    """A table of speeds by dotted names, whether its names were quoted or not."""
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, each in value.items():
        found |= _flat(each, f"{start}{name}.") if isinstance(each, dict) else {f"{start}{name}": each}
    return found


class AccessSettings(Section):
    """How travel to services is computed."""

    walking: Literal["tobler", "langmuir"] = "tobler"
    """Pace of walking by slope: tobler or langmuir."""
    season: Literal["dry", "flooded"] = "dry"
    """dry; or flooded: fords and what floods are closed, rivers that only flood then are barriers."""
    neighbours: Literal[8, 16] = 8
    """Cells a move leads to: 8, or 16 with the knight's moves (truer lengths, slower)."""
    max_min: Positive | None = None
    """Longest travel that counts as reached, minutes; any where missing."""
    services: tuple[str, ...] = ()
    """Services by id, such as post; all that the study has points of where empty."""
    map_services: tuple[str, ...] = ("post", "public_internet", "lower_secondary_school", "health_station", "hospital")
    """Services whose travel time the map page shows; each makes the page larger."""
    ground: str = ""
    """A word on the roads and rivers used that stands on every output, such as "roads of 2012"."""
    speeds: Annotated[dict[str, float], BeforeValidator(_flat)] = {}
    """Entries of the table of speeds that differ here, by name, such as "road.village.motorbike_kmh" = 15."""
    readiness: Annotated[dict[str, NotNegative], BeforeValidator(_flat)] = {}
    """Weights of the readiness score that differ here, by facility and network, such as "commune_office.lan" = 3; 0
    leaves a part out."""


class RuleOverride(Section):
    """A threshold of one rule changed for this study, with the reason."""

    rule: str
    """Id of the rule."""
    threshold: float
    """Threshold to use instead."""
    reason: Annotated[str, Field(min_length=1)]
    """Why; it stands beside every result of the rule."""


class RuleSettings(Section):
    """By which dated rules the study judges."""

    packs: tuple[str, ...] = ("mobile_signal", "postal_qcvn1")
    """Rule packs by name: those that ship, and the study's own, packs/NAME.toml."""
    overrides: tuple[RuleOverride, ...] = ()
    """Thresholds changed for this study."""
    index_weights: dict[str, NotNegative] = {}
    """Weight of a rule in the need index where it is not the pack's."""


class ClassSettings(Section):
    """How communes and villages are classed where no record says it."""

    packs: tuple[str, ...] = ("decree_272",)
    """Rule packs whose tests of classes apply, by name, whatever their dates; of two with one class the first."""
    border_tolerance_m: Annotated[float, Field(gt=0, le=5000)] = 500.0
    """How far the national border or the coast may lie from a commune's outline and still be its own, m."""
    remote_service: str = "district_office"
    """The centre a place is remote from: a service by id that people travel to; the commune's office where the study
    has no point of it."""
    remote_min: Positive = 60.0
    """Travel time to that centre from which a place is remote, minutes."""


class PlanSettings(Section):
    """What to propose, and at what cost."""

    budget_vnd: NotNegative = 50e9
    """Money there is, VND."""
    technology: Technology = "4G"
    """Technology of the proposed sites."""
    band_mhz: Annotated[float, Field(ge=30, le=6000)] | None = None
    """Its band, MHz; the technology's default band where missing."""
    operator: str | None = None
    """Count people without this operator's signal; without anybody's where missing."""
    height_m: Annotated[float, Field(gt=0, le=350)] = 36.0
    """Antenna height above ground, m."""
    max_candidates: Annotated[int, Field(ge=1, le=20000)] = 300
    """How many candidate sites are computed."""
    min_people: NotNegative = 20.0
    """Fewest people a site must newly cover to be proposed."""
    site_cost_vnd: Positive = 0.83e9
    """Cost of a common mountain site, VND."""
    off_grid_extra_vnd: NotNegative = 1.0e9
    """Added where the nearest village has no grid power, VND."""
    border_factor: Annotated[float, Field(ge=1)] = 1.5
    """Cost factor in land-border communes."""


class ProgressSettings(Section):
    """The pace to the targets, and what to expect of it."""

    target_year: Annotated[int, Field(ge=1900, le=2198)] | None = None
    """Year by whose end the targets are to be met; the last day of each rule where missing."""
    saturation: dict[str, Positive] = {}
    """The most an indicator of the province can be, by id, such as broadband_per_100 = 30; shares of a whole end at
    100. From six dates on, growth to it is forecast."""
    interval_pct: Annotated[float, Field(ge=50, le=99.9)] = 95.0
    """How sure the interval of a forecast is to hold the value, %."""


class Settings(Section):
    """study.toml."""

    name: Annotated[str, Field(min_length=1)]
    """Name of the study."""
    organisation: str = ""
    """Whose lists and reports they are: printed at their head where it is given."""
    language: Lang = "vi"
    """Language of the files the study writes: vi or en."""
    units_valid_on: date
    """Date of the administrative units: a code means nothing without it."""
    crs: str
    """Projected CRS of the study in metres, such as EPSG:9212."""
    cell_m: Annotated[float, Field(ge=5, le=1000)] = 90.0
    """Cell size of the study's grid, m."""
    synthetic: bool = False
    """Whether the layers are generated; the word then stands in every output."""
    province: Province = Province()
    services: Services = Services()
    radio: RadioSettings = RadioSettings()
    people: PeopleSettings = PeopleSettings()
    access: AccessSettings = AccessSettings()
    rules: RuleSettings = RuleSettings()
    index: IndexSettings = IndexSettings()
    classes: ClassSettings = ClassSettings()
    progress: ProgressSettings = ProgressSettings()
    plan: PlanSettings = PlanSettings()


class Study:
    """A study folder that exists: paths and settings.

    Raises MissingError if there is no study.toml, SettingsError with every fault found if it is not as it should be.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        path = self.root / "study.toml"
        if not path.is_file():
            raise MissingError("error.no_study", directory=str(root))
        self.settings = parse_settings(path.read_bytes(), file=path.name)

    def line_of(self, setting: str) -> int | None:
        """The line of study.toml where a setting stands, by its dotted name; that of its table if it is not there."""
        return line_of((self.root / "study.toml").read_text(encoding="utf-8-sig"), setting.split("."))

    @property
    def layers_path(self) -> Path:
        """The input layers, one GeoPackage."""
        return self.root / "layers.gpkg"

    @property
    def rasters_dir(self) -> Path:
        """The input rasters, COG."""
        return self.root / "rasters"

    @property
    def imports_dir(self) -> Path:
        """Reports on what was imported, rejected rows, and columns that are none of the schema's."""
        return self.root / "imports"

    @property
    def mappings_path(self) -> Path:
        """What the user said that headings mean."""
        return self.imports_dir / "mappings.toml"

    @property
    def patterns_dir(self) -> Path:
        """The antenna patterns that sectors name."""
        return self.root / PATTERNS

    @property
    def packs_dir(self) -> Path:
        """The study's own rule packs."""
        return self.root / PACKS


def new_study(root: Path, *, name: str, crs: str, units_valid_on: date, cell_m: float, lang: Lang) -> Study:
    """Make a study folder that holds only its settings; InputError if the folder is not empty, SettingsError if they
    are not as they should be."""
    if root.exists() and any(root.iterdir()):
        raise InputError("error.study_exists", directory=str(root))
    settings = Settings(name=name, language=lang, units_valid_on=units_valid_on, crs=crs, cell_m=cell_m)
    parse_settings(_toml_text(settings, lang).encode())
    root.mkdir(parents=True, exist_ok=True)
    write_settings(settings, root / "study.toml", lang=lang)
    return Study(root)


def parse_settings(raw: bytes, *, file: str = "study.toml") -> Settings:
    """Settings from the bytes of a study.toml; SettingsError lists all faults with their lines."""
    try:
        text = raw.decode("utf-8-sig")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise _refused(file, Fault("setting.not_utf8", file=file, fatal=True)) from error
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        row = int(place.group(1)) if place else None
        raise _refused(file, Fault("setting.not_toml", file=file, row=row, fatal=True)) from error
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        faults = [_fault(dict(e), text=text, file=file) for e in error.errors(include_url=False)]
        raise _refused(file, *faults) from error
    try:
        crs = CRS.from_user_input(settings.crs)
        good = crs.is_projected and crs.axis_info[0].unit_name == "metre"
    except ProjError:
        good = False
    if not good:
        fault = Fault(
            "setting.crs",
            file=file,
            row=line_of(text, ["crs"]),
            column="crs",
            fatal=True,
            params={"found": settings.crs},
        )
        raise _refused(file, fault)
    if contrary := _contrary(settings.radio, text=text, file=file):
        raise _refused(file, *contrary)
    return settings


def write_settings(settings: Settings, path: Path, *, lang: Lang) -> None:
    """Write a study.toml that people can edit: every key, with its meaning as a comment above it."""
    path.write_text(_toml_text(settings, lang), encoding="utf-8")


def setting_codes(section: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """Dotted names of all settings, such as ``radio.max_range_km``; each has a message ``setting.about.<name>``."""
    codes = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        codes.append(prefix + name)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            codes += setting_codes(kind, f"{prefix}{name}.")
    return codes


_ROWS = {
    "overrides": RuleOverride(rule="...", threshold=0.0, reason="..."),
    "components": IndexComponent(indicator="...", weight=1.0, best=0.0, worst=1.0),
}
"""Settings that are a table each, and what stands for them in comments where there is none."""


def _toml_text(settings: Settings, lang: Lang) -> str:
    return "\n".join(_toml_lines(settings, "", lang)) + "\n"


def _toml_lines(section: Section, prefix: str, lang: Lang) -> list[str]:
    lines: list[str] = []
    tables: list[str] = []
    for name in type(section).model_fields:
        value = getattr(section, name)
        about = say(f"setting.about.{prefix}{name}", lang)
        if isinstance(value, Section):
            tables += ["", f"# {about}", f"[{prefix}{name}]", *_toml_lines(value, f"{prefix}{name}.", lang)]
        elif name in _ROWS:
            tables += ["", f"# {about}"]
            for row in value or (_ROWS[name],):
                comment = "" if value else "# "
                tables.append(f"{comment}[[{prefix}{name}]]")
                tables += [f"{comment}{k} = {_toml(v)}" for k, v in row.model_dump().items() if v is not None]
        elif isinstance(value, dict):
            tables += ["", f"# {about}", f"[{prefix}{name}]", *(f"{_toml(k)} = {_toml(v)}" for k, v in value.items())]
        else:
            shown = f"{name} = {_toml(value)}" if value is not None else f"# {name} ="
            lines += [f"# {about}", shown]
    return lines + tables


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        escaped = "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped)
        return f'"{escaped}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, date):
        return value.isoformat()
    return repr(value)


def _refused(file: str, *faults: Fault) -> SettingsError:
    return SettingsError("error.settings", faults=faults, file=file)


def _fault(error: dict[str, Any], *, text: str, file: str) -> Fault:
    where = [str(part) for part in error["loc"] if part != "[key]"]
    dotted, name = ".".join(where), where[-1] if where else ""
    row = line_of(text, where)
    if error["type"] == "extra_forbidden":
        known = setting_codes()
        peers = [code.rsplit(".", 1)[-1] for code in known if code.rsplit(".", 1)[:-1] == where[:-1]] or known
        near = difflib.get_close_matches(name, peers, n=1, cutoff=0.0)
        return Fault("setting.unknown", file=file, row=row, column=dotted, fatal=True, params={"nearest": near[0]})
    if error["type"] == "missing":
        return Fault("setting.missing", file=file, column=dotted, fatal=True)
    return Fault(
        "setting.invalid",
        file=file,
        row=row,
        column=dotted,
        fatal=True,
        params={"found": error.get("input"), "expected": _expected(error)},
    )


def _contrary(radio: RadioSettings, *, text: str, file: str) -> list[Fault]:
    """Settings of the radio section that others leave no meaning, each with the reason."""
    model = radio.model
    found: list[Fault] = []

    def refuse(name: str, reason: str, **params: Any) -> None:
        place: dict[str, Any] = {"row": line_of(text, ["radio", *name.split(".")]), "column": f"radio.{name}"}
        found.append(
            Fault(f"setting.contrary.{reason}", file=file, **place, fatal=True, params={"model": model, **params})
        )

    if radio.terrain_k is not None and model in ("delta-bullington", "p1812", "itm", "line-of-sight"):
        refuse("terrain_k", "terrain_k")
    if radio.environment != "open" and model not in ("okumura-hata", "cost231-hata"):
        refuse("environment", "environment")
    if radio.environment == "suburban" and model == "cost231-hata":
        refuse("environment", "suburban")
    if radio.climate != CLIMATE and model != "itm":
        refuse("climate", "climate")
    for name in ("time_pct", "location_pct"):
        if getattr(radio, name) != 50.0 and model not in ("p1812", "itm"):
            refuse(name, "share")
    if radio.time_pct > 50.0 and model == "p1812":
        refuse("time_pct", "p1812_time")
    if not radio.spherical_earth and model in ("p1812", "itm"):
        refuse("spherical_earth", "spherical_earth")
    if radio.n0 is not None and model == "itm" and not 250.0 <= radio.n0 <= 400.0:
        refuse("n0", "itm_n0")
    if radio.effective_earth_factor != EARTH_FACTOR:
        if radio.delta_n is not None:
            refuse("effective_earth_factor", "earth_twice", delta_n=f"{radio.delta_n:g}")
        elif model in ("p1812", "itm"):
            refuse("effective_earth_factor", f"earth_{model}")
    link = radio.link
    if radio.location_pct != 50.0 and (link.reliability_pct, link.reliability_at) != (50.0, "edge"):
        refuse("link.reliability_pct", "places_twice", location_pct=f"{radio.location_pct:g}")
    if link.high_loss and link.receiver == "outdoor":
        refuse("link.high_loss", "high_loss")
    if link.depth_m and link.receiver != "indoor":
        refuse("link.depth_m", "depth")
    return found


def _expected(error: dict[str, Any]) -> Text | str:
    kind, limits = error["type"], error.get("ctx", {})
    for limit, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤")):
        if limit in limits:
            return Text("setting.expected.limited", {"limit": f"{sign} {limits[limit]:g}"})
    if kind == "literal_error":
        return str(limits["expected"]).replace(" or ", ", ")
    stems = {"date": "date", "bool": "bool", "string": "string", "int": "number", "float": "number", "finite": "number"}
    for stem, code in stems.items():
        if kind.startswith(stem):
            return Text(f"setting.expected.{code}")
    return Text("setting.expected.table")
