"""The server around the routes: errors, headers, files, swapped results, languages of faults, OpenAPI, start."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from phusong.api import app as app_module
from phusong.api import models, served
from phusong.api.app import create_app, serve
from phusong.api.errors import KINDS, NoResultsError, kind_of
from phusong.layers import errors as project_errors
from phusong.layers.errors import ComputeError, CrsError, InputError, MissingError, PhusongError, SettingsError
from phusong.layers.store import Results

Client = Any  # tests/api/conftest.py
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "errors"}


def is_problem(answer: Any, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    body: dict[str, Any] = answer.json()
    assert set(body) == PROBLEM
    assert body["type"] == f"urn:phusong:problem:{kind}"
    assert body["status"] == status
    assert "Traceback" not in answer.text
    return body


@pytest.mark.parametrize(
    "path",
    ["/nope", "/api/v1", "/api/v2/gaps", "/api/v1/communes/00000", "/api/v1/gaps/00000", "/static/x", "/redoc"],
)
def test_what_is_not_there_is_a_404_problem(client: Client, path: str) -> None:
    body = is_problem(client.get(path), 404, "not-found")
    assert body["instance"] == path


def test_a_commune_that_is_no_gap_is_told_apart_from_one_that_is_not_there(client: Client) -> None:
    assert client.get("/api/v1/gaps/19405").json()["code"] == "api.no_gap"
    assert client.get("/api/v1/gaps/99999").json()["code"] == "api.no_unit"


def test_a_point_outside_is_a_404_of_its_own(client: Client) -> None:
    body = is_problem(client.get("/api/v1/coverage?lon=0&lat=0"), 404, "outside-study")
    assert "0.00000" in body["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/v1/gaps", "/api/v1/exports/gaps.csv"])
def test_nothing_can_be_changed(client: Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("communes?limit=0", "query.limit"),
        ("communes?limit=501", "query.limit"),
        ("communes?limit=x", "query.limit"),
        ("communes?offset=-1", "query.offset"),
        ("communes?sort=populatio", "query.sort"),
        ("communes?lang=fr", "query.lang"),
        ("communes?colour=red", "query.colour"),
        ("communes?q=" + "a" * 201, "query.q"),
        ("gaps?class=hilly", "query.class"),
        ("gaps?min_people=nan", "query.min_people"),
        ("gaps?min_people=-1", "query.min_people"),
        ("coverage?lon=106", "query.lat"),
        ("coverage?lon=nan&lat=16", "query.lon"),
        ("coverage?lon=181&lat=16", "query.lon"),
        ("coverage?lon=106&lat=inf", "query.lat"),
    ],
)
def test_invalid_parameters_are_named_in_both_languages(client: Client, query: str, location: str) -> None:
    english = is_problem(client.get(f"/api/v1/{query}", headers={"accept-language": "en"}), 422, "invalid-request")
    vietnamese = client.get(f"/api/v1/{query}", headers={"accept-language": "vi"}).json()
    assert [error["location"] for error in english["errors"]] == [location]
    assert english["errors"][0]["message"] != vietnamese["errors"][0]["message"]


def test_an_unknown_column_is_answered_with_the_nearest(client: Client) -> None:
    body = client.get("/api/v1/communes?sort=-populatio&lang=en").json()
    assert "nearest: population" in body["errors"][0]["message"]


def test_before_the_first_run_only_health_and_layers_answer(
    fresh: Callable[..., Path], client_of: Callable[..., Client]
) -> None:
    client = client_of(create_app(fresh(results=False)))
    assert client.json("/health")["status"] == "no_results"
    assert client.json("/health")["run"] is None
    assert client.json("/layers")["total"] == 3
    for path in ("communes", "gaps", "plan", "map", "exports", "coverage?lon=106.6&lat=16.7", "communes.geojson"):
        body = is_problem(client.get(f"/api/v1/{path}"), 503, "no-results")
        assert "phusong run" in body["detail"]


def test_a_result_this_run_did_not_make_is_a_404(fresh: Callable[..., Path], client_of: Callable[..., Client]) -> None:
    root = fresh()
    (root / "results" / "plan.parquet").unlink()
    body = is_problem(client_of(create_app(root)).get("/api/v1/plan?lang=en"), 404, "not-found")
    assert "plan.parquet" in body["detail"]
    assert str(root) not in body["detail"]


def test_new_results_are_served_without_a_restart(
    fresh: Callable[..., Path], rerun: Callable[..., None], client_of: Callable[..., Client]
) -> None:
    root = fresh()
    client = client_of(create_app(root))
    before = client.json("/communes/19405")["name"], client.json("/health")["run"]["hash"]
    client.json("/coverage", params={"lon": 106.7, "lat": 16.7})
    rerun(root, note="again")
    after = client.json("/communes/19405")["name"], client.json("/health")["run"]["hash"]
    assert before[0] == "Hải Lăng"
    assert after[0] == "Hải Lăng again"
    assert before[1] != after[1]


def test_answers_hold_while_results_are_swapped(
    fresh: Callable[..., Path], rerun: Callable[..., None], client_of: Callable[..., Client]
) -> None:
    root = fresh()
    client = client_of(create_app(root))
    notes = [f"run {i}" for i in range(8)]
    worker = threading.Thread(target=lambda: [rerun(root, note=note) for note in notes])
    worker.start()
    seen = set()
    while worker.is_alive():
        answer = client.get("/api/v1/communes?q=hai+lang")
        assert answer.status_code == 200, answer.text
        seen.add(answer.json()["items"][0]["name"])
    worker.join()
    assert seen <= {"Hải Lăng", *(f"Hải Lăng {note}" for note in notes)}
    assert client.json("/communes/19405")["name"] == f"Hải Lăng {notes[-1]}"


def test_between_the_two_renames_the_answer_is_come_again(
    fresh: Callable[..., Path], client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "PATIENCE_S", 0.1)
    root = fresh()
    os.rename(root / "results", root / "results.old")
    answer = client_of(create_app(root)).get("/api/v1/gaps")
    is_problem(answer, 503, "results-changed")
    assert answer.headers["retry-after"] == "1"
    assert (root / "results.old").is_dir()
    assert not (root / "results").exists()


def test_exports_list_what_they_deliver(client: Client, study_dir: Path) -> None:
    items = client.json("/exports")["items"]
    kept = {"access.json", "provinces.json", "sectors.parquet", "servers_2g.tif"}
    assert {item["name"] for item in items} == {path.name for path in (study_dir / "results").iterdir()} - kept
    assert {item["name"] for item in items} == {path.name for path in Results(study_dir).files()}
    for item in items:
        answer = client.get(item["href"], headers={"accept-encoding": "identity"})
        assert answer.status_code == 200
        assert len(answer.content) == item["size_bytes"]
        assert hashlib.sha256(answer.content).hexdigest() == item["sha256"]
        assert answer.headers["content-type"] == item["media_type"]
        assert answer.headers["etag"] == f'"{item["sha256"]}"'
        assert answer.headers["content-disposition"] == f'attachment; filename="{item["name"]}"'


def test_exports_know_etags_and_ranges(client: Client) -> None:
    whole = client.get("/api/v1/exports/gaps.csv", headers={"accept-encoding": "identity"})
    again = client.get("/api/v1/exports/gaps.csv", headers={"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    part = client.get("/api/v1/exports/gaps.csv", headers={"range": "bytes=0-2"})
    assert (part.status_code, part.content) == (206, b"\xef\xbb\xbf")
    assert client.get("/api/v1/exports/gaps.csv", headers={"range": "bytes=99999999-"}).status_code == 416


@pytest.mark.parametrize(
    "name",
    [
        "../study.toml",
        "..%2Fstudy.toml",
        "%2e%2e/study.toml",
        "..%252Fstudy.toml",
        "....//study.toml",
        "%2Fetc%2Fpasswd",
        "..\\study.toml",
        "gaps.csv%00.png",
        "..",
        "GAPS.CSV",
        ".hidden",
        "gaps.link.csv",
        "gaps.folder",
        "sectors.parquet",
        "servers_2g.tif",
        "provinces.json",
    ],
)
def test_only_listed_files_leave_the_folder(
    fresh: Callable[..., Path], client_of: Callable[..., Client], name: str
) -> None:
    root = fresh()
    (root / "results" / ".hidden").write_text("secret")
    (root / "results" / "gaps.link.csv").symlink_to(root / "study.toml")
    (root / "results" / "gaps.folder").mkdir()
    answer = client_of(create_app(root)).get(f"/api/v1/exports/{name}")
    assert answer.status_code == 404
    assert "units_valid_on" not in answer.text
    assert "secret" not in answer.text


def test_the_map_may_run_itself_and_load_nothing(client: Client) -> None:
    answer = client.get("/api/v1/map", headers={"accept-encoding": "identity"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "http" not in policy
    assert "bản đồ" in answer.text
    packed = client.get("/api/v1/map", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == answer.text
    assert int(packed.headers["content-length"]) < len(answer.content)
    again = client.get("/api/v1/map", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    home = client.get("/")
    assert (home.status_code, home.headers["location"]) == (307, "/api/v1/map")


def test_head_is_get_without_its_body(client: Client) -> None:
    for path in ("/api/v1/gaps", "/api/v1/exports/gaps.csv", "/api/v1/map", "/openapi.json", "/api/v1/nope"):
        plain = {"accept-encoding": "identity"}
        head, get = client.request("HEAD", path, headers=plain), client.get(path, headers=plain)
        assert head.content == b""
        assert head.status_code == get.status_code
        assert head.headers["content-length"] == get.headers["content-length"]
        assert head.headers["content-type"] == get.headers["content-type"]


def test_long_answers_are_packed(client: Client) -> None:
    packed = client.get("/api/v1/communes", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == client.json("/communes")


def test_a_crash_is_a_500_problem_that_tells_nothing(study_dir: Path, client_of: Callable[..., Client]) -> None:
    app = create_app(study_dir)

    def crash() -> None:
        raise RuntimeError("the secret path /srv/x")

    def lost() -> None:
        raise ComputeError("error.lost", path="/srv/x")

    app.add_api_route("/crash", crash)
    app.add_api_route("/lost", lost)
    for path in ("/crash", "/lost"):
        answer = client_of(app).get(path)
        is_problem(answer, 500, "internal")
        assert "/srv/x" not in answer.text


def test_every_project_error_has_one_status() -> None:
    classes = [c for _, c in inspect.getmembers(project_errors, inspect.isclass) if issubclass(c, PhusongError)]
    assert set(classes) <= set(KINDS)
    statuses = [kind_of(c("x"))[0] for c in (MissingError, NoResultsError, InputError, SettingsError, CrsError)]
    assert statuses == [404, 503, 500, 500, 500]


def test_other_host_names_are_refused_where_only_this_machine_is_meant(
    study_dir: Path, client_of: Callable[..., Client]
) -> None:
    app = create_app(study_dir, hosts=app_module.LOOPBACK_NAMES)
    for base in ("http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"):
        assert client_of(app, base=base).get("/api/v1/health").status_code == 200
    for base in ("http://evil.example:8000", "http://127.0.0.1.evil.example"):
        is_problem(client_of(app, base=base).get("/api/v1/health"), 400, "bad-request")


def test_security_headers_are_on_every_answer(client: Client) -> None:
    for path in ("/api/v1/gaps", "/api/v1/nope", "/api/v1/map", "/docs", "/openapi.json", "/api/v1/exports/gaps.csv"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-cache"


def test_docs_load_nothing(client: Client) -> None:
    page = client.get("/docs")
    assert "<script" not in page.text
    assert "http" not in page.text.replace("HTTP", "")
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        assert path in page.text
        assert methods["get"]["summary"] in client.get("/docs?lang=en").text


def test_docs_lead_only_where_an_answer_is(client: Client) -> None:
    page = client.get("/docs?lang=vi").text
    assert "Thử nghiệm" in page
    assert "Dữ liệu mô phỏng" in page
    links = re.findall(r'href="(/api/[^"]+)"', page)
    assert len(links) > 10
    for link in links:
        assert client.get(link).status_code == 200, link


def test_openapi_has_words_and_examples_everywhere(client: Client) -> None:
    schema = client.get("/openapi.json").json()
    for path, methods in schema["paths"].items():
        assert set(methods) == {"get"}, path
        route = methods["get"]
        assert route["summary"]
        assert route["description"]
        assert route["tags"]
        assert {"200", "422", "503"} <= set(route["responses"])
        for status, answer in route["responses"].items():
            if status.startswith(("4", "5")):
                assert list(answer["content"]) == ["application/problem+json"], (path, status)
        if "{" in path or path.endswith("coverage"):
            assert "404" in route["responses"]
    refs = {text.split('"')[0] for text in json.dumps(schema).split("#/components/schemas/")[1:]}
    assert refs <= set(schema["components"]["schemas"])


def response_models() -> list[type[BaseModel]]:
    found = [c for _, c in inspect.getmembers(models, inspect.isclass) if issubclass(c, BaseModel)]
    return [c for c in found if c.__module__ == models.__name__ and c not in (models.Whole, models.Listing)]


@pytest.mark.parametrize("model", response_models(), ids=lambda model: model.__name__)
def test_examples_fit_their_models(model: type[BaseModel]) -> None:
    examples = model.model_config["json_schema_extra"]["examples"]  # type: ignore[index, call-overload]
    assert examples
    for example in examples:
        assert model.model_validate(example).model_dump(mode="json") == example


def test_answers_are_quick(client: Client) -> None:
    point = {"lon": 106.65, "lat": 16.7}
    for path, params, limit_s in (("/communes", {}, 0.05), ("/coverage", point, 0.02)):
        answer, seconds = client.timed("GET", f"/api/v1{path}", times=8, params=params)
        assert answer.status_code == 200
        assert min(seconds[1:]) < limit_s, path


def test_a_study_that_is_not_there_or_faulty_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        create_app(tmp_path)
    (tmp_path / "study.toml").write_text("name = 3")
    with pytest.raises(SettingsError):
        create_app(tmp_path)


def test_the_app_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, study_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh_module = importlib.reload(app_module)
    monkeypatch.delenv("PHUSONG_STUDY", raising=False)
    with pytest.raises(SystemExit) as stopped:
        _ = fresh_module.app
    assert stopped.value.code == 2
    assert "PHUSONG_STUDY" in capsys.readouterr().err
    monkeypatch.setenv("PHUSONG_STUDY", str(study_dir))
    try:
        assert isinstance(fresh_module.app, FastAPI)
        assert fresh_module.app is fresh_module.app
    finally:
        vars(fresh_module).pop("app", None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_other_machines_are_let_in_only_if_that_is_said(
    monkeypatch: pytest.MonkeyPatch, study_dir: Path, host: str
) -> None:
    served: list[str] = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **kwargs: served.append(kwargs["host"]))
    with pytest.raises(InputError) as refused:
        serve(study_dir, host=host)
    assert "--allow-network" in refused.value.say("vi")
    assert served == []
    serve(study_dir, host=host, allow_network=True)
    assert served == [host]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.9"])
def test_this_machine_is_served_by_default(monkeypatch: pytest.MonkeyPatch, study_dir: Path, host: str) -> None:
    served: list[str] = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **kwargs: served.append(kwargs["host"]))
    serve(study_dir, host=host)
    assert served == [host]
