"""The command line: ``phusong new sample run gaps plan map route profile fit serve export``, and ``cli_*``.

Exit codes: 0 done; 2 the input or the arguments are at fault (said in words, no traceback); 1 anything else.
"""

from __future__ import annotations

import os
import shutil
import sys
import webbrowser
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from phusong.api import cli_classes, cli_explain, cli_layers, cli_lists, cli_ranking, cli_report, cli_rules, cli_targets
from phusong.api.front import Directory, Front, app
from phusong.layers.errors import ComputeError, InputError, PhusongError
from phusong.layers.messages import LANGS, Lang, default_lang, has, say
from phusong.layers.schema import LAYERS, PATTERNS, RASTERS
from phusong.layers.store import Results
from phusong.layers.study import Study, new_study

UsageError: Any = typer.BadParameter.__base__
"""What typer raises on a wrong command line."""

__all__ = [
    "app",
    "cli_classes",
    "cli_explain",
    "cli_layers",
    "cli_lists",
    "cli_ranking",
    "cli_report",
    "cli_rules",
    "cli_targets",
    "command",
    "main",
]

Limit = Annotated[int, typer.Option(min=1)]


class Level(StrEnum):
    """What a gap list counts."""

    communes = "communes"
    villages = "villages"


class Generation(StrEnum):
    """A technology."""

    g2 = "2G"
    g3 = "3G"
    g4 = "4G"
    g5 = "5G"


@app.callback()
def _front(
    ctx: typer.Context,
    lang: Annotated[str, typer.Option(metavar="vi|en")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q")] = False,
) -> None:
    ctx.obj = Front(ctx.obj or default_lang(), quiet)


@app.command()
def new(
    ctx: typer.Context,
    directory: Directory,
    name: Annotated[str, typer.Option()] = "",
    crs: Annotated[str, typer.Option()] = "EPSG:9212",
    units_date: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    cell_m: Annotated[float, typer.Option(min=5, max=1000)] = 90.0,
) -> None:
    from phusong.layers.templates import write_templates

    front: Front = ctx.obj
    day = units_date.date() if units_date else date.today()
    new_study(
        directory, name=name or directory.resolve().name, crs=crs, units_valid_on=day, cell_m=cell_m, lang=front.lang
    )
    write_templates(directory / "templates", front.lang)
    example = directory / "templates" / "rule_pack.toml"
    example.write_text(say("rules.template", front.lang).lstrip(), encoding="utf-8")
    front.say("cli.new.done", directory=directory)


@app.command()
def sample(
    ctx: typer.Context,
    directory: Directory,
    units: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    elevation: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    cell_m: Annotated[float, typer.Option(min=30, max=1000)] = 90.0,
    seed: Annotated[int, typer.Option(min=0)] = 2012,
    given: Annotated[list[str] | None, typer.Option(metavar="LAYER=FILE")] = None,
    refresh: Annotated[bool, typer.Option("--refresh")] = False,
) -> None:
    from phusong.layers.sample.study import write_sample

    front: Front = ctx.obj
    given_files = {}
    for pair in given or []:
        layer, _, file = pair.partition("=")
        if layer not in LAYERS or not file:
            raise InputError("cli.sample.bad_given", found=pair, layers=", ".join(LAYERS))
        given_files[layer] = Path(file)
    written = write_sample(
        directory,
        units_file=units,
        elevation_file=elevation,
        cell_m=cell_m,
        seed=seed,
        given_files=given_files,
        refresh=refresh,
        lang=front.lang,
        progress=front.say,
    )
    front.say("cli.sample.done" if written else "cli.sample.kept", directory=directory)


@app.command()
def run(ctx: typer.Context, directory: Directory) -> None:
    from phusong.api.pipeline import run as run_steps
    from phusong.api.report import show
    from phusong.api.steps import STEPS

    front: Front = ctx.obj
    study = Study(directory)
    with front.progress() as progress:
        record = run_steps(study, steps=STEPS, progress=progress)
    if record["faults"]:
        front.err.print(escape(say("cli.run.faults", front.lang, count=record["faults"], directory=directory)))
    if not front.quiet:
        show(study, front.out, lang=front.lang)


@app.command()
def gaps(
    ctx: typer.Context,
    directory: Directory,
    level: Annotated[Level, typer.Option()] = Level.communes,
    limit: Limit = 20,
) -> None:
    from phusong.api.report import show_gaps

    front: Front = ctx.obj
    show_gaps(Study(directory), front.out, lang=front.lang, level=level.value, limit=limit)


@app.command()
def plan(ctx: typer.Context, directory: Directory, limit: Limit = 20) -> None:
    from phusong.api.report import show_plan

    front: Front = ctx.obj
    show_plan(Study(directory), front.out, lang=front.lang, limit=limit)


@app.command("map")
def map_(
    ctx: typer.Context,
    directory: Directory,
    to: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    show: Annotated[bool, typer.Option("--open")] = False,
) -> None:

    front: Front = ctx.obj
    page = Results(Study(directory).root).path("map.html")
    if to is not None:
        shutil.copyfile(page, to)
        page = to
    front.out.print(escape(str(page)), soft_wrap=True)
    if show:
        webbrowser.open(page.resolve().as_uri())


@app.command()
def route(
    ctx: typer.Context,
    directory: Directory,
    lon: Annotated[float, typer.Option(min=-180, max=180)],
    lat: Annotated[float, typer.Option(min=-90, max=90)],
    service: Annotated[str, typer.Option(metavar="ID")],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE")] = None,
) -> None:
    from phusong.api.pipeline import read_study
    from phusong.api.trips import Searches, trip_from, trip_told, write_trip

    front: Front = ctx.obj
    if out is not None and out.suffix.lower() != ".geojson":
        raise InputError("trip.error.ending", path=out)
    inputs = read_study(Study(directory))
    trip = trip_from(inputs, Searches(), lon=lon, lat=lat, service_id=service)
    front.out.print(escape(trip_told(trip, front.lang)), soft_wrap=True)
    if out is not None:
        write_trip(trip, out, inputs=inputs, lang=front.lang)
        front.say("cli.route.wrote", path=out)


@app.command()
def profile(
    ctx: typer.Context,
    directory: Directory,
    start: Annotated[str, typer.Option("--from", metavar="ID|LON,LAT")],
    end: Annotated[str, typer.Option("--to", metavar="CODE|LON,LAT")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE")],
    technology: Annotated[Generation | None, typer.Option()] = None,
    height_m: Annotated[float | None, typer.Option("--height", min=1, max=350)] = None,
    band_mhz: Annotated[float | None, typer.Option("--band", min=30, max=6000)] = None,
) -> None:
    from phusong.api.profile import told, write_profile

    front: Front = ctx.obj
    view = write_profile(
        directory,
        out,
        start=start,
        end=end,
        technology=technology and technology.value,
        height_m=height_m,
        band_mhz=band_mhz,
        lang=front.lang,
    )
    front.say("cli.profile.done", told=told(view, front.lang), path=out)


@app.command()
def fit(
    ctx: typer.Context,
    directory: Directory,
    model: Annotated[str, typer.Option()] = "",
    environment: Annotated[str, typer.Option()] = "",
    technology: Annotated[Generation | None, typer.Option()] = None,
) -> None:
    from phusong.api.fitting import fit_study, lines_of

    front: Front = ctx.obj
    study = Study(directory)
    wanted = technology and technology.value
    found = fit_study(study, model=model, environment=environment, technology=wanted, lang=study.settings.language)
    for line in lines_of(found, front.lang):
        front.out.print(escape(line), soft_wrap=True)
    paths = ", ".join(str(study.root / "results" / f"fit.{end}") for end in ("json", "csv", "png"))
    front.say("fit.told.written", paths=paths)


@app.command()
def serve(
    ctx: typer.Context,
    directory: Directory,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    allow_network: Annotated[bool, typer.Option("--allow-network")] = False,
) -> None:
    from phusong.api.app import serve as serve_study

    front: Front = ctx.obj
    Results(Study(directory).root).record()
    front.say("cli.serve.at", address=f"http://{host}:{port}")
    serve_study(directory, host=host, port=port, allow_network=allow_network)


@app.command()
def export(
    ctx: typer.Context,
    directory: Directory,
    to: Annotated[Path, typer.Argument(metavar="TARGET")],
    format_: Annotated[list[str] | None, typer.Option("--format")] = None,
) -> None:
    front: Front = ctx.obj
    known = Results(Study(directory).root).files()
    formats = sorted({path.suffix[1:] for path in known})
    for asked in format_ or []:
        if asked not in formats:
            raise InputError("cli.export.unknown_format", found=asked, known=", ".join(formats))
    to.mkdir(parents=True, exist_ok=True)
    for path in known:
        if not format_ or path.suffix[1:] in format_:
            shutil.copyfile(path, to / path.name)
            front.say("cli.export.wrote", path=to / path.name)


def command(lang: Lang) -> Any:
    """The command tree, every help text in ``lang``: messages ``cli.<command>.about`` and ``cli.<command>.<name>``."""
    group: Any = typer.main.get_command(app)
    group.help = say("cli.about", lang)
    for param in group.params:
        if has(f"cli.option.{param.name}"):
            param.help = say(f"cli.option.{param.name}", lang)
    for name, each in group.commands.items():
        each.help = say(f"cli.{name}.about", lang)
        for param in each.params:
            if param.name != "help":
                code = f"cli.{name}.{param.name}"
                code = code if has(code) else f"cli.option.{param.name}"
                layers = ", ".join((*LAYERS, *RASTERS, PATTERNS))
                param.help = say(code, lang, layers=layers) if param.name == "layer" else say(code, lang)
    return group


def take_language(argv: list[str]) -> tuple[Lang, list[str]]:
    """The language asked for by ``--lang`` anywhere on the line (else the environment's), and the other words."""
    rest, lang = [], default_lang()
    words = iter(argv)
    for word in words:
        if word == "--lang" or word.startswith("--lang="):
            asked = word[7:] if "=" in word else next(words, "")
            if asked not in LANGS:
                raise InputError("cli.unknown_language", found=asked)
            lang = "vi" if asked == "vi" else "en"
        else:
            rest.append(word)
    return lang, rest


def main(argv: list[str] | None = None) -> None:
    """Entry point: run the command and turn the project's errors into words and an exit code."""
    lang = default_lang()
    try:
        lang, words = take_language(sys.argv[1:] if argv is None else argv)
        sys.exit(command(lang).main(args=words, prog_name="phusong", obj=lang, standalone_mode=False))
    except PhusongError as error:
        _tell(error.say(lang))
        sys.exit(1 if isinstance(error, ComputeError) else 2)
    except UsageError as error:
        _tell(_usage(error, lang))
        sys.exit(2)
    except BrokenPipeError:  # the reader of the output (such as head) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _tell(say(_disk_code(error), lang, path=error.filename or "-", reason=error.strerror or error))
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)


def _tell(words: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(escape(words))


def _usage(error: Any, lang: Lang) -> str:
    """What is wrong with the words of the command line, and where the right ones are explained."""
    if error.ctx is None or type(error).__name__ == "NoArgsIsHelpError":
        return str(error.format_message())
    param = getattr(error, "param", None)
    reason = error.format_message() if param is None else error.message.removeprefix("Value error, ")
    params = {"help": f"{error.ctx.command_path} --help", "reason": reason.rstrip(".")}
    if param is None:
        return say("cli.usage.other", lang, **params)
    name = param.opts[0] if param.opts[0].startswith("-") else param.metavar or param.name
    code = "cli.usage.missing" if type(error).__name__ == "MissingParameter" else "cli.usage.value"
    return say(code, lang, name=name, about=param.help, **params)


def _disk_code(error: OSError) -> str:
    return next((code for kind, code in _DISK.items() if isinstance(error, kind)), "error.disk")


_DISK = {
    shutil.SameFileError: "error.same_file",
    PermissionError: "error.no_permission",
    FileNotFoundError: "error.no_such_path",
    NotADirectoryError: "error.not_a_folder",
    FileExistsError: "error.not_a_folder",
    IsADirectoryError: "error.not_a_file",
}
