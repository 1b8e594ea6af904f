"""What the pages say is so: made pages are as made, and names, links, packages and defaults in them exist."""

import re
import tomllib
from datetime import date
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

from phusong.api.cli import app
from phusong.coverage.rules import pack_names
from phusong.layers.messages import LANGS, Lang
from phusong.layers.store import DELIVERED
from phusong.layers.study import Settings, setting_codes
from phusong.layers.templates import layers_markdown

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROOMS = ("api", "coverage", "layers", "maps", "tests", "docs")
PAGES = [page for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))) if page.is_file()]
LAYER_PAGES: dict[Lang, str] = {"en": "layers.md", "vi": "layers.vi.md"}
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
CODE = re.compile(r"`([^`\n]+)`")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def rows_of(text: str, heading: str) -> list[list[str]]:
    """Cells of the tables below a heading, up to the next one; header and rule lines left out."""
    section = re.split(r"^#+ ", text.split(f"\n{heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row, below in zip(rows, [*rows[1:], [""]], strict=True) if "---" not in (*row, *below)]


@pytest.mark.parametrize("lang", LANGS)
def test_the_pages_on_layers_are_as_made(lang: Lang) -> None:
    assert text_of(DOCS / LAYER_PAGES[lang]) == layers_markdown(lang)


# packages


def asked_for(entries: list[str]) -> set[str]:
    return {re.split(r"[<>=!~;\[ ]", entry, maxsplit=1)[0].lower() for entry in entries}


def listed(heading: str) -> dict[str, str]:
    """Package -> licence, from the page."""
    return {row[0]: row[2] for row in rows_of(text_of(DOCS / "dependencies.md"), heading)}


def test_every_package_asked_for_is_explained_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert set(listed("## To run")) == asked_for(project["dependencies"])
    assert set(listed("## To test: `phusong[test]`")) == asked_for(extras["test"])
    assert set(listed("## To develop: `phusong[dev]`")) == asked_for(extras["dev"])
    assert set(listed("## To compare speed: `phusong[bench]`")) == asked_for(extras["bench"])
    assert set(extras) == {"test", "dev", "bench"}


def test_licences_are_those_of_the_installed_metadata() -> None:
    seen = 0
    for heading in (line for line in text_of(DOCS / "dependencies.md").splitlines() if line.startswith("## To ")):
        for name, licence in listed(heading).items():
            try:
                about = metadata(name)
            except PackageNotFoundError:
                continue  # an extra that is not installed here
            seen += 1
            if expression := about.get("License-Expression"):
                assert licence == expression, name
            else:
                classifiers = [c for c in about.get_all("Classifier") or [] if c.startswith("License")]
                assert licence in " ".join([about.get("License") or "", *classifiers]), name
            assert "GPL" not in licence
    assert seen >= len(listed("## To run"))


def test_versions_are_pinned_for_every_package_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = asked_for((ROOT / "constraints.txt").read_text().split())
    for entries in (project["dependencies"], *project["optional-dependencies"].values()):
        assert asked_for(entries) <= pinned


# links and names


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings as code hosts make them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    plain = FENCE.sub("", text_of(page))
    for target in re.findall(r"\]\(([^)\s]+)\)", plain) + re.findall(r"(?:src|href)=\"([^\"]+)\"", plain):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), target


@each_page
def test_files_named_are_there(page: Path) -> None:
    for name in CODE.findall(FENCE.sub("", text_of(page))):
        path = name.split("::")[0]
        if path.split("/")[0] in ROOMS and "/" in path and re.fullmatch(r"[\w./*\-]+", path):
            assert list(ROOT.glob(path)), name


@each_page
def test_commands_named_are_commands(page: Path) -> None:
    known = {command.name or str(getattr(command.callback, "__name__", "")) for command in app.registered_commands}
    code = "\n".join(FENCE.findall(text_of(page)) + CODE.findall(FENCE.sub("", text_of(page))))
    named = set(re.findall(r"(?:^|[ /])phusong (?!-)(\w+)", code, re.M))
    assert named <= known
    makes = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:^|[ (])make (?!PYTHON)([a-z]+)", code, re.M)) <= makes


@each_page
def test_pages_name_no_address_to_fetch_from_and_no_place_on_a_machine(page: Path) -> None:
    hosts = set(re.findall(r"\b(?:https?|git|ssh)://([\w.\-]+)", text_of(page)))
    assert hosts <= {"127.0.0.1", "localhost", "doi.org", "www.itu.int", "keepachangelog.com", "semver.org"}
    assert not re.search(r"(?<![\w.*}\])])/(?:home|root|tmp|opt|mnt|srv|work|Users)\b", text_of(page))
    assert not re.search(r"index-url|extra-index|trusted-host", text_of(page))
    assert not re.search(r"^co-authored-by:|\bgenerated (?:with|by) (?!`)", text_of(page), re.M | re.I)


def test_every_file_of_the_results_is_told() -> None:
    told = text_of(DOCS / "architecture.md")
    for pattern in DELIVERED:
        stem = re.split(r"[.*\[]", pattern, maxsplit=1)[0]
        assert re.search(rf"`{stem}[`.<]", told), pattern


# figures


def test_the_rule_packs_named_are_those_shipped() -> None:
    named = [row[0].strip("`") for row in rows_of(text_of(DOCS / "rules.md"), "## Packs that ship")]
    assert sorted(named) == sorted(pack_names())
    for page in PAGES:
        for packs in re.findall(r"^\s*packs\s*=\s*\[(.*?)\]", text_of(page), re.M | re.S):
            assert set(re.findall(r"\"(\w+)\"", packs)) <= set(pack_names()), page.name


def default_of(code: str) -> object:
    value: object = Settings(name="x", units_valid_on=date(2012, 12, 31), crs="EPSG:9212")
    for name in code.split("."):
        value = getattr(value, name)
    return value


def test_settings_named_exist_and_have_the_defaults_told() -> None:
    methods = text_of(DOCS / "methods.md")
    known = setting_codes()
    sections = {code.split(".")[0] for code in known if "." in code}
    for name in CODE.findall(methods):
        section, _, rest = name.partition(".")
        if section in sections and re.fullmatch(r"[a-z_]+", rest) and rest not in ("csv", "json", "parquet"):
            assert name in known, name
    told = rows_of(methods, "## General knowledge [K]")
    assert len(told) >= 8
    for code, value in told:
        assert default_of(code.strip("`")) == float(value), code
