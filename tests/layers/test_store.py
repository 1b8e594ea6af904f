"""Results are swapped in whole; a run killed anywhere leaves the last good ones, and the next run completes."""

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from phusong.layers.errors import InputError, MissingError
from phusong.layers.store import Draft, LossStore, Results, key_of


def make(results: Results, text: str, *, steps: tuple[str, ...] = ("a", "b")) -> list[str]:
    """A run of two steps that write ``text``; returns the steps that had to be computed."""
    computed = []
    with results.draft() as draft:
        for step in steps:
            key = key_of([step, text])
            if not draft.take_over(step, key):
                computed.append(step)
                write(draft, step, key, text)
        results.swap(draft, {"steps": draft.steps})
    return computed


def write(draft: Draft, step: str, key: str, text: str) -> None:
    path = draft.directory / f"{step}.txt"
    path.write_text(text)
    draft.finish(step, key, [path], {"rows": 1})


def test_no_results_yet(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="phusong run"):
        Results(tmp_path).record()


def test_unchanged_steps_are_taken_over(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert make(results, "one") == ["a", "b"]
    assert make(results, "one") == []
    assert make(results, "two") == ["a", "b"]
    assert results.path("a.txt").read_text() == "two"


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    results = Results(tmp_path)
    make(results, "one")
    results.path("b.txt").write_text("cut")
    assert make(results, "one") == ["b"]
    assert results.path("b.txt").read_text() == "one"


def test_a_run_cut_in_the_middle_leaves_the_last_results_and_is_continued(tmp_path: Path) -> None:
    results = Results(tmp_path)
    make(results, "one")
    with results.draft() as draft:
        write(draft, "a", key_of(["a", "two"]), "two")
        (draft.directory / "b.txt").write_text("half")
    assert Results(tmp_path).path("a.txt").read_text() == "one"
    assert make(Results(tmp_path), "two") == ["b"]
    assert results.path("b.txt").read_text() == "two"


def test_a_step_computed_anew_after_a_cut_run_leaves_the_last_results_as_they_were(tmp_path: Path) -> None:
    """What the cut run took over by link is not written through."""
    results = Results(tmp_path)
    make(results, "one")
    with results.draft() as draft:
        assert draft.take_over("a", key_of(["a", "one"]))
    with results.draft() as draft:
        write(draft, "a", key_of(["a", "two"]), "two")
    assert results.path("a.txt").read_text() == "one"
    assert make(results, "one") == []


@pytest.mark.parametrize("cut_before_rename", [0, 1])
def test_a_swap_cut_between_its_renames_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_before_rename: int
) -> None:
    results = Results(tmp_path)
    make(results, "one")
    real, calls = os.rename, []

    def rename(source: Path, target: Path) -> None:
        if len(calls) == cut_before_rename:
            raise KeyboardInterrupt
        calls.append(source)
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        make(results, "two")
    monkeypatch.undo()
    text = Results(tmp_path).path("a.txt").read_text()
    assert text == ("one" if cut_before_rename == 0 else "two")
    make(results, "two")
    assert results.path("a.txt").read_text() == "two"
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "results"]


def test_files_that_no_step_names_are_gone(tmp_path: Path) -> None:
    results = Results(tmp_path)
    make(results, "one")
    make(results, "one", steps=("a",))
    assert sorted(p.name for p in results.directory.iterdir()) == ["a.txt", "run.json"]


def test_people_are_given_results_and_no_working_files(tmp_path: Path) -> None:
    results = Results(tmp_path)
    make(results, "one")
    given = ["coverage_2g.tif", "gaps.csv", "map.html", "plan.xlsx", "population.tif", "units.parquet"]
    given += ["second_2g.tif", "class_4g_viettel.tif", "band_second_2g_900mhz.tif", "fit.png", "model_limits.csv"]
    kept = ["candidates.csv", "people.parquet", "radio.json", "sectors.parquet", "servers_2g.tif", "gaps_old.csv"]
    kept += ["second_servers_2g.tif", "band_servers_2g_900mhz.tif", "band_second_servers_2g_900mhz.tif"]
    for name in (*given, *kept):
        (results.directory / name).write_text("x")
    (results.directory / "gaps.json").symlink_to(results.directory / "sectors.parquet")
    assert [path.name for path in results.files()] == sorted([*given, "run.json"])


def test_files_that_no_run_makes_last_and_their_readers_look_again(tmp_path: Path) -> None:
    results = Results(tmp_path)
    make(results, "one")
    record = results.directory / "run.json"
    os.utime(record, (0, 0))

    def cut() -> None:
        with results.beside() as directory:
            (directory / "fit.csv").write_text("fitted")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut()
    assert record.stat().st_mtime > 0
    (results.directory / "fit.d").mkdir()
    (results.directory / "fit.png").symlink_to("fit.csv")
    make(results, "two")
    assert sorted(path.name for path in results.directory.iterdir()) == ["a.txt", "b.txt", "fit.csv", "run.json"]
    assert (results.directory / "fit.csv").read_text() == "fitted"
    with results.draft(), pytest.raises(InputError, match="another run"), Results(tmp_path).beside():
        pass


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    results = Results(tmp_path)
    with results.draft(), pytest.raises(InputError, match="another run"), Results(tmp_path).draft():
        pass


def test_a_broken_record_counts_as_none(tmp_path: Path) -> None:
    results = Results(tmp_path)
    make(results, "one")
    (results.directory / "run.json").write_text("{")
    with pytest.raises(MissingError):
        results.record()
    assert make(results, "one") == ["a", "b"]
    assert json.loads((results.directory / "run.json").read_text())["complete"] is True


@pytest.mark.parametrize("record", ["[]", '{"steps": 5}', '{"steps": {"a": 5, "b": {"key": "k"}}}'])
def test_a_record_of_another_shape_counts_as_none(tmp_path: Path, record: str) -> None:
    results = Results(tmp_path)
    make(results, "one")
    (results.directory / "run.json").write_text(record)
    assert make(results, "one") == ["a", "b"]


def test_a_file_changed_by_hand_is_not_shown(tmp_path: Path) -> None:
    results = Results(tmp_path)
    make(results, "one")
    results.path("b.txt").write_text("mine")
    with pytest.raises(InputError, match=r"b\.txt in the results .* changed by hand"):
        results.path("b.txt")
    assert results.path("a.txt").read_text() == "one"


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_stands_where_results_go_gives_way(tmp_path: Path, kind: str) -> None:
    """Whatever it is, and however often the study is run or read afterwards."""
    results = Results(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    if kind == "file":
        results.directory.write_text("a note")
    elif kind == "link":
        results.directory.symlink_to("elsewhere")
    (tmp_path / "results.new" / "folder").mkdir(parents=True)
    for text in ("one", "two"):
        make(results, text)
        assert results.path("a.txt").read_text() == text
    assert {path.name for path in results.directory.iterdir()} == {"a.txt", "b.txt", "run.json"}
    assert (tmp_path / "elsewhere").is_dir()


def test_old_results_that_cannot_be_removed_do_not_stop_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results(tmp_path)
    make(results, "one")
    (tmp_path / "results.old").mkdir()
    monkeypatch.setattr("phusong.layers.store._remove", lambda path: None)
    assert results.path("a.txt").read_text() == "one"


def opened(directory: Path, *, version: str = "0123456789abcdef-and-more") -> LossStore:
    return LossStore(directory / "losses", version=version)


def test_losses_are_kept_on_disk_by_key(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert len(store) == 0
    assert store.get("a") is None
    store["a"], store["b"] = b"one", b""
    again = opened(tmp_path)
    assert dict(again) == {"a": b"one", "b": b""}
    again["a"] = b"two"
    assert store["a"] == b"two"
    del again["a"]
    assert "a" not in store
    with pytest.raises(KeyError):
        del store["a"]
    with pytest.raises(KeyError):
        store["a"]


def test_losses_of_other_code_are_not_seen_and_go(tmp_path: Path) -> None:
    old = opened(tmp_path, version="of an older engine")
    old["a"] = b"old"
    store = opened(tmp_path)
    assert "a" not in store
    store["b"] = b"new"
    store.drop_unused()
    assert dict(opened(tmp_path)) == {"b": b"new"}
    assert "a" not in opened(tmp_path, version="of an older engine")
    assert [path.name for path in (tmp_path / "losses").iterdir()] == ["0123456789abcdef"]


def test_losses_that_were_neither_read_nor_written_go(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.drop_unused()  # nothing there yet
    for name in "abcd":
        store[name] = name.encode()
    again = opened(tmp_path)
    assert again["a"] == b"a"
    assert again.get("x") is None
    again["e"] = b"e"
    assert "b" in again  # to be asked for is to be read
    (tmp_path / "losses" / "0123456789abcdef" / "f.part").write_bytes(b"cut")
    assert len(again) == 5
    again.drop_unused()
    assert dict(opened(tmp_path)) == {"a": b"a", "b": b"b", "e": b"e"}
    assert not list((tmp_path / "losses" / "0123456789abcdef").glob("*.part"))


def test_losses_that_cannot_be_read_or_written_are_absent(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store["a"], store["b"] = b"one", b"two"
    home = tmp_path / "losses" / "0123456789abcdef"
    (home / "a").unlink()
    (home / "a").mkdir()  # no file, for whomever
    assert store.get("a") is None
    store["a"] = b"again"
    assert store.get("a") is None
    assert store["b"] == b"two"

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "losses").write_text("a file where the folder goes")
    nowhere = opened(tmp_path / "elsewhere")
    nowhere["a"] = b"one"
    assert nowhere.get("a") is None
    assert len(nowhere) == 0
    nowhere.drop_unused()
    assert (tmp_path / "elsewhere" / "losses").read_text() == "a file where the folder goes"


def test_damaged_losses_are_absent(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store["a"] = b"some losses"
    path = tmp_path / "losses" / "0123456789abcdef" / "a"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert store.get("a") is None
        path.write_bytes(whole[:place])
        assert store.get("a") is None
    path.write_bytes(whole)
    assert store["a"] == b"some losses"


def test_losses_on_a_full_disk_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path)
    store["a"] = b"one"
    real = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        real(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    store["a"], store["b"] = b"two", b"three"
    monkeypatch.undo()
    assert dict(store) == {"a": b"one"}
    assert [path.name for path in (tmp_path / "losses" / "0123456789abcdef").iterdir()] == ["a"]


def test_losses_put_by_several_threads_at_once_are_whole(tmp_path: Path) -> None:
    store = opened(tmp_path)
    values = [bytes([i]) * 50_000 for i in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(20):
            list(threads.map(store.__setitem__, ["a"] * 8, values))
            assert store["a"] in values
    assert [path.name for path in (tmp_path / "losses" / "0123456789abcdef").iterdir()] == ["a"]


def test_losses_in_a_folder_that_is_read_only_are_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(tmp_path)["a"] = b"one"

    def refused(path: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "read-only", str(path))

    for name in ("write_bytes", "unlink"):  # a mode would not stop the superuser
        monkeypatch.setattr(Path, name, refused)
    store = opened(tmp_path)
    store["b"] = b"two"
    assert dict(store) == {"a": b"one"}
    opened(tmp_path).drop_unused()
    assert store["a"] == b"one"
