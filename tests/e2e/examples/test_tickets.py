"""examples/providers/tickets through the whole engine: an API, its credentials, its bad moments, another machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.examples.tickets import FOLDER, PROJECT, TOKEN, Place, external, install, serving

IS_FULL = os.environ.get("AIVP_TEST_ALL") == "1"


@pytest.fixture
def server() -> Iterator[Any]:
    with serving() as found:
        yield found


@pytest.fixture
def place(tmp_path: Path, server: Any, warm: Callable[[Path], None]) -> Place:
    install(tmp_path / "site")
    warm(tmp_path / "host")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/aivp.yaml").write_text(PROJECT)
    return Place(tmp_path / "project", tmp_path / "host", tmp_path / "site", server.url)


def titles(server: Any) -> dict[str, str]:
    return {name: found["title"] for name, found in server.projects.items()}


def tried(server: Any, method: str) -> list[int]:
    return [status for found, _, status in server.seen if found == method]


def holding(folder: Path, text: str) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_the_manifest_is_that_of_the_code(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "tickets")
    subprocess.run([sys.executable, "-m", "aivp_tickets.manifest_json"], cwd=tmp_path / "tickets", check=True)
    again = (tmp_path / "tickets/aivp_tickets/manifest.json").read_text()
    assert again == (FOLDER / "aivp_tickets/manifest.json").read_text()


def test_made_kept_drifted_and_destroyed(place: Place, server: Any) -> None:
    code, said = place.aivp("plan", "-o", str(place.root / "plan.json"))
    assert code == 0, said
    assert "controller  (beside aivp, 2 steps)" in said
    assert f"The provider tickets is started with token (secret t), url {server.url}." in said
    plan = json.loads((place.root / "plan.json").read_text())
    assert list(plan["providers"]) == ["tickets"]
    assert list(plan["secrets"]) == ["t"]
    assert plan["hosts"]["controller"]["incarnation"] == ""
    code, said = place.aivp("apply", str(place.root / "plan.json"), "-y")
    assert code == 0, said
    assert titles(server) == {"web": "The web site", "ops": f"after {server.projects['web']['id']}"}
    assert place.aivp("drift")[0] == 0
    server.projects["web"]["title"] = "Defaced"
    assert place.aivp("drift")[0] == 2
    assert place.aivp("apply", "-y")[0] == 0
    assert titles(server)["web"] == "The web site"
    assert "No changes. 2 resources are as declared." in place.aivp("plan")[1]
    code, said = place.aivp("destroy", "-y")
    assert (code, server.projects) == (0, {}), said


def test_apply_of_a_file_reads_the_plan_and_no_declaration_of_the_provider(place: Place, server: Any) -> None:
    assert place.aivp("plan", "-o", str(place.root / "plan.json"))[0] == 0
    (place.root / "aivp.yaml").write_text(PROJECT.replace("${var.url}", "http://127.0.0.1:9"))
    code, said = place.aivp("apply", str(place.root / "plan.json"), "-y")
    assert (code, len(server.projects)) == (0, 2), said


def test_another_configuration_makes_another_plan_and_changes_nothing(place: Place) -> None:
    assert place.aivp("apply", "-y")[0] == 0
    assert place.aivp("plan", "-o", str(place.root / "one.json"))[0] == 0
    (place.root / "aivp.yaml").write_text(PROJECT.replace('"${var.url}"', '"${var.url}/"'))
    _, said = place.aivp("plan", "-o", str(place.root / "two.json"))
    assert "No changes." in said
    assert (place.root / "one.json").read_bytes() != (place.root / "two.json").read_bytes()


def test_only_what_the_steps_need_is_in_the_plan(place: Place) -> None:
    inert = "resources: {noop.x: {host: here}}\nhosts: {here: {transport: local}}\n"
    (place.root / "aivp.yaml").write_text(PROJECT.partition("resources:")[0] + inert)
    place.token = ""
    code, said = place.aivp("plan", "-o", str(place.root / "plan.json"))
    plan = json.loads((place.root / "plan.json").read_text())
    assert (code, "providers" in plan, plan["secrets"]) == (0, False, {}), said


def test_no_byte_of_the_token_is_kept_or_said(place: Place, server: Any) -> None:
    """Also where the other side says it back, in a field and in its refusal."""
    assert place.aivp("apply", "-y")[0] == 0
    server.projects["web"]["title"] = f"stolen {TOKEN}"
    code, said = place.aivp("plan", "-o", str(place.root / "plan.json"))
    assert code == 0
    assert "stolen (secret)" in said
    assert TOKEN not in said
    (place.root / "aivp.yaml").write_text(PROJECT.replace("The web site", "w" * 300))
    server.objection = f"{TOKEN} may not say that"
    _, more = place.aivp("apply", "-y")
    assert TOKEN not in more
    assert "may not say that" in more
    assert holding(place.root, TOKEN) == holding(place.host, TOKEN) == []


def test_it_passes_the_conformance_kit(place: Place) -> None:
    """With the server that its case file starts; bounded, but for the full matrix."""
    some = ["read-only", "create", "update", "once", "partial", "killed", "secrets", "list"]
    bounds = [] if IS_FULL else [*(word for name in some for word in ("--only", name)), "--moments", "3"]
    argv = [str(Path(sys.executable).with_name("aivp")), "providers", "test", str(FOLDER), *bounds]
    done = subprocess.run(argv, env=place.environ(), capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed  once tickets/ticket" in done.stdout


def test_a_wrong_token_is_told_and_not_tried_again(place: Place, server: Any) -> None:
    place.token = "wrong-token-0815"
    code, said = place.aivp("plan")
    assert (code, "is blocked" in said) == (0, True), said
    assert "the server does not accept the token" in said
    assert "wrong-token-0815" not in said
    assert tried(server, "GET") == [401, 401]


def test_a_ticket_is_made_once_though_the_answer_was_lost(tmp_path: Path, server: Any) -> None:
    """Its id is the server's: only the key of the step can tell the second request from a second ticket."""
    server.projects["web"] = {"name": "web", "id": 1, "title": ""}
    server.refusals["POST"] = [(0, None), (503, None), (0, None)]
    config = {"project": "web", "title": "It is slow", "labels": ["b", "a"]}
    ticket: dict[str, Any] = {"id": "t", "kind": "tickets/ticket", "config": config}
    make = {**ticket, "action": "create", "seen": {"observed": None}, "changes": []}
    with external(tmp_path, server.url) as provider:
        (found,) = provider.apply([make], "run/t/1", None)
        number = found["outputs"]["id"]
        (seen,) = provider.observe([{**ticket, "identity": {"id": number}}])
        (other,) = provider.apply([make], "run/t/2", None)
        away = {**ticket, "identity": {"id": number}, "action": "delete", "seen": seen["observation"], "changes": []}
        assert provider.apply([away], "run/t/3", None) == [{"id": "t", "outputs": {}}]
        assert [item["identity"] for item in provider.list("tickets/ticket", {})] == [{"id": other["outputs"]["id"]}]
    assert {name: seen["observation"]["observed"][name] for name in ("id", "title", "state")} == {
        "id": number,
        "title": "It is slow",
        "state": "open",
    }
    assert other["outputs"]["id"] != number
    assert tried(server, "POST") == [0, 503, 0, 201, 201]
    assert list(server.tickets) == [str(other["outputs"]["id"])]


def test_bad_moments_are_waited_out(place: Place, server: Any) -> None:
    """While observing and while applying, and without meta.retries."""
    server.refusals["GET"] = [(429, 1), (503, None)]
    begun = time.monotonic()
    code, said = place.aivp("plan")
    assert code == 0, said
    assert time.monotonic() - begun >= 1
    assert sorted(tried(server, "GET")) == [404, 404, 429, 503]
    server.refusals["PUT"] = [(503, None), (429, 1)]
    assert place.aivp("apply", "-y")[0] == 0
    assert tried(server, "PUT") == [503, 429, 200, 200]


def test_a_limit_beyond_the_budget_fails_at_once(place: Place, server: Any) -> None:
    server.refusals["GET"] = [(429, 3600)] * 9
    begun = time.monotonic()
    code, said = place.aivp("plan")
    assert (code, "is blocked" in said) == (0, True), said
    assert "the server asks for patience" in said
    assert time.monotonic() - begun < 60
    assert len(server.seen) <= 2


def test_an_interrupted_wait_leaves_the_step_open_and_resume_goes_on(place: Place, server: Any) -> None:
    server.refusals["PUT"] = [(503, 60)]
    run = subprocess.Popen(
        place.argv("apply", "-y"), env=place.environ(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    until = time.monotonic() + 60
    while tried(server, "PUT") != [503] and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[0].decode()
    assert run.returncode == 130, said
    code, said = place.aivp("apply", "--resume", "-y")
    assert (code, len(server.projects)) == (0, 2), said


def test_another_machine_goes_on_with_the_same_state(place: Place, server: Any, tmp_path: Path) -> None:
    """Objects of an API are bound to no machine: a new one knows them by state alone."""
    assert place.aivp("apply", "-y")[0] == 0
    shutil.copytree(place.root, tmp_path / "checkout")
    other = Place(tmp_path / "checkout", tmp_path / "other", place.site, place.url)
    other.host.mkdir()
    (other.root / "aivp.yaml").write_text(PROJECT.partition("  tickets/project.ops")[0])
    code, said = other.aivp("apply", "-y")
    assert (code, titles(server)) == (0, {"web": "The web site"}), said


def test_one_name_at_two_servers_is_two_things(place: Place, server: Any) -> None:
    """The registry of this machine knows names, not servers: another environment may mean another API."""
    with serving() as second:
        assert place.aivp("apply", "-y")[0] == 0
        place.url = second.url
        code, said = place.aivp("apply", "-y", env="dev")
        assert (code, titles(second)) == (0, titles(server)), said


def test_a_strangers_project_starts_it_not(place: Place, server: Any) -> None:
    code, said = place.aivp("plan", "--untrusted")
    assert code == 1
    assert "AIVP0416" in said
    assert server.seen == []


def test_a_strangers_project_starts_it_not_for_what_is_recorded_either(place: Place, server: Any) -> None:
    assert place.aivp("apply", "-y")[0] == 0
    seen = len(server.seen)
    (place.root / "aivp.yaml").write_text(PROJECT.partition("resources:")[0])
    code, said = place.aivp("plan", "--untrusted")
    assert code == 1
    assert "AIVP0416" in said
    assert len(server.seen) == seen
