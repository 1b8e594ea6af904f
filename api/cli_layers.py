"""Commands that bring data in and judge it: ``phusong import check template carry``."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from phusong.api.front import Directory, Front, app
from phusong.layers.errors import InputError
from phusong.layers.messages import say
from phusong.layers.messages.format import number
from phusong.layers.schema import LAYERS
from phusong.layers.study import Study

if TYPE_CHECKING:
    from phusong.layers.report import ImportReport

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


class DecimalMark(StrEnum):
    """The mark before decimals."""

    comma = ","
    point = "."


@app.command("import")
def import_(
    ctx: typer.Context,
    directory: Directory,
    layer: Annotated[str, typer.Argument()],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    sheet: Annotated[str | None, typer.Option("--sheet", "--source-layer")] = None,
    crs: Annotated[str | None, typer.Option()] = None,
    encoding: Annotated[str | None, typer.Option()] = None,
    map_: Annotated[list[str] | None, typer.Option("--map", metavar="HEADING=COLUMN")] = None,
    decimal: Annotated[DecimalMark | None, typer.Option()] = None,
    day_first: Annotated[bool | None, typer.Option("--day-first/--month-first")] = None,
    height_m: Annotated[float | None, typer.Option(min=1, max=350)] = None,
    height_unit: Annotated[str | None, typer.Option()] = None,
    valid_on: Day = None,
    as_of: Day = None,
    source: Annotated[str, typer.Option()] = "",
    add: Annotated[bool, typer.Option("--add")] = False,
    clean: Annotated[bool, typer.Option("--clean")] = False,
    lineage: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    preview: Annotated[bool, typer.Option("--preview")] = False,
) -> None:
    from phusong.layers.columns.mappings import parse_mapping
    from phusong.layers.importing import import_files
    from phusong.layers.office import Asked
    from phusong.layers.report import refusal

    front: Front = ctx.obj
    asked = Asked(
        sheet=sheet,
        crs=crs,
        encoding=encoding,
        mapping=None if not map_ else parse_mapping(map_, LAYERS[layer]) if layer in LAYERS else {},
        decimal=None if decimal is None else decimal.value,
        day_first=day_first,
        height_m=height_m,
        height_unit=height_unit,
        valid_on=_date(valid_on),
        as_of=_date(as_of),
        source=source,
        add=add,
        clean=clean,
        lineage=lineage,
    )
    try:
        done = import_files(directory, layer, files, asked=asked, write=not preview)
    except InputError as error:
        if error.code != "import.refused":
            raise
        _lines(front, refusal(error, file=files[0].name, layer=layer, read=error.params["read"]))
        raise typer.Exit(2) from error
    _lines(front, done.report)
    for note in done.lost:
        front.err.print(escape(note.say(front.lang)))
    for path in done.told:
        front.say("cli.import.told", path=path)
    report = done.report
    if preview:
        for before, after in done.texts:
            front.out.print(escape(f"  {before}  ->  {after}"), soft_wrap=True)
        front.say("cli.import.previewed")
        if report.refused or not report.kept:
            raise typer.Exit(2)
        return
    front.say("cli.import.done", layer=layer, kept=report.kept, refused=report.rejected)


@app.command()
def check(ctx: typer.Context, directory: Directory) -> None:
    from phusong.api.pipeline import check_study
    from phusong.layers.report import check_reports, lines
    from phusong.layers.writers.report import FORMATS, write_report

    front: Front = ctx.obj
    study = Study(directory)
    found = check_study(study)
    kept = {name: len(frame) for name, frame in found.layers.items()}
    reports = check_reports(found.faults, kept=kept)
    headline = say("import_report.title_check", front.lang)
    study.imports_dir.mkdir(exist_ok=True)
    for kind in FORMATS:
        write_report(reports, study.imports_dir / f"check.{kind}", lang=front.lang, headline=headline)
    for line in lines(reports, front.lang):
        front.err.print(escape(line))
    if any(fault.fatal for fault in found.faults):
        raise typer.Exit(2)
    front.say("cli.check.good", directory=directory)


@app.command()
def template(
    ctx: typer.Context,
    layer: Annotated[str, typer.Argument()],
    to: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE")] = None,
    crs: Annotated[str, typer.Option()] = "EPSG:4326",
) -> None:
    from phusong.layers.templates import drawn, write_template

    front: Front = ctx.obj
    if layer not in LAYERS:
        raise InputError("cli.template.unknown_layer", found=layer, layers=", ".join(LAYERS))
    path = to or Path(f"{layer}.{'gpkg' if drawn(LAYERS[layer]) else 'xlsx'}")
    if path.exists():
        raise InputError("cli.template.exists", path=path)
    front.say("cli.template.done", path=write_template(LAYERS[layer], path, front.lang, crs=crs))


@app.command()
def carry(
    ctx: typer.Context,
    table: Annotated[Path, typer.Argument(metavar="TABLE")],
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
    to: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"])],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE")] = None,
    study: Annotated[Path | None, typer.Option(metavar="DIR")] = None,
    old: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    new: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    lineage: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    weight: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    kind: Annotated[list[str] | None, typer.Option(metavar="COLUMN=KIND")] = None,
    code: Annotated[str | None, typer.Option()] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", "--layer")] = None,
    decimal: Annotated[DecimalMark | None, typer.Option()] = None,
    day_first: Annotated[bool | None, typer.Option("--day-first/--month-first")] = None,
    sum_known: Annotated[bool, typer.Option("--sum-known")] = False,
) -> None:
    from phusong.layers.dated.carrying import carry_file
    from phusong.layers.dated.lineage import read_lineage
    from phusong.layers.dated.units import read_units

    front: Front = ctx.obj
    days = (from_.date(), to.date())
    if study is None and lineage is None and not (old and new) and Path("study.toml").is_file():
        study = Path()
    there = Study(study).layers_path if study is not None else None
    outlines = [
        None if path is None else read_units(path, valid_on=day)
        for path, day in zip((old or there, new or there), days, strict=True)
    ]
    path = out or Path(f"{table.stem}_{days[1]}.xlsx")
    for given in (table, old, new, lineage, weight, there):
        if given is not None and path.exists() and given.exists() and path.samefile(given):
            raise InputError("cli.carry.over_input", path=path)
    done = carry_file(
        table,
        out=path,
        old=outlines[0],
        new=outlines[1],
        weight=weight,
        lineage=None if lineage is None else read_lineage(lineage, from_valid_on=days[0], to_valid_on=days[1]),
        kinds=dict(_pair(text) for text in kind) if kind else None,
        partial="sum" if sum_known else "none",
        code=code,
        sheet=sheet,
        decimal=None if decimal is None else decimal.value,
        day_first=day_first,
        lang=front.lang,
    )
    report = done.report
    for one in report.columns:
        numbers = {name: number(getattr(one, name), front.lang, decimals=2) for name in ("total", "moved", "listed")}
        counts = {"estimated": one.estimated, "unknown": one.unknown}
        summed = "summed" if one.total == one.total else "other"
        front.say(f"cli.carry.{summed}", column=one.column, **numbers, **counts)
    for note in report.notes:
        front.err.print(escape("  " + note.say(front.lang)))
    front.say("cli.carry.done", rows=report.rows_out, listed=len(done.listed), path=path)


def _pair(text: str) -> tuple[str, str]:
    column, equals, kind = text.rpartition("=")
    if not (column and equals and kind):
        raise InputError("cli.carry.kind_form", found=text)
    return column, kind


def _date(day: datetime | None) -> date | None:
    return None if day is None else day.date()


def _lines(front: Front, report: ImportReport) -> None:
    from phusong.layers.report import lines

    for line in lines([report], front.lang):
        front.err.print(escape(line))
