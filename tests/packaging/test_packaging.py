"""The house holds: mapped rooms, no foreign coverage.py, a wheel that runs."""

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("api", "coverage", "layers", "maps")


def test_every_subpackage_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        "phusong." + ".".join(path.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(listed) == found
    assert len(listed) == len(set(listed))


def test_every_folder_with_code_is_a_package() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), path


def test_numba_imports_in_the_root() -> None:
    done = subprocess.run([sys.executable, "-c", "import numba"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_coverage_room_refuses_its_bare_name() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import coverage"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "this is phusong.coverage" in done.stderr


def test_rooms_import_one_way() -> None:
    allowed = {
        "api": {"api", "maps", "coverage", "layers"},
        "maps": {"maps", "coverage", "layers"},
        "coverage": {"coverage", "layers"},
        "layers": {"layers"},
    }
    plain = ("cell_shares", "grid", "errors", "messages", "patterns", "schema", "toml_lines")
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                words = line.split()
                if len(words) > 1 and words[0] in ("from", "import") and words[1].startswith("phusong."):
                    parts = words[1].split(".")
                    assert parts[1] in allowed[room], f"{path}: {line}"
                    if room == "coverage" and parts[1] == "layers":
                        assert parts[2] in plain, f"{path}: {line}"


@pytest.mark.slow
def test_the_wheel_runs_the_sample(tmp_path: Path) -> None:
    """Built, installed in a fresh environment beside its dependencies only, and run from elsewhere."""
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(source)], check=True)
    wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), "."]
    subprocess.run(wheel, cwd=source, check=True)
    home = tmp_path / "fresh"
    venv.create(home)
    python = home / "bin" / "python"
    [built] = tmp_path.glob("phusong-*.whl")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(built)], check=True
    )
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    phusong = home / "bin" / "phusong"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PHUSONG_LANG": "en"}
    study = tmp_path / "study"
    subprocess.run([phusong, "sample", study, "--cell-m", "900"], cwd=tmp_path, env=env, check=True)
    done = subprocess.run([phusong, "run", study], cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    assert "synthetic" in done.stdout
    assert (study / "results" / "map.html").stat().st_size > 100_000
    where = subprocess.run(
        [python, "-c", "import phusong.layers as p; print(p.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(home) in where.stdout
