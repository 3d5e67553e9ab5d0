"""Values that are no longer declared, or that others wrote: where a secret was, only match or mismatch is told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.e2e.secrets.matrix import more
from tests.e2e.secrets.planted import make
from tests.e2e.secrets.world import World

RNG = random.Random()


def test_a_declaration_that_turns_plain_does_not_show_what_was_secret(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", content=f"pw={ref}\n", mode="0644")
    world.aivp("apply -y")
    world.declared["resources"]["file.a"]["content"] = "pw=none\n"
    assert "(sensitive, differs)" in world.aivp("plan -v -o plan.json")
    world.aivp("observe -o evidence.json")
    world.check(path)
    world.aivp("apply plan.json")
    assert path.read_text() == "pw=none\n"
    assert "No changes" in world.aivp("plan")
    world.check()


@pytest.mark.parametrize("edit", ["lines", *more("blocks")])
@pytest.mark.parametrize("then", ["edit", *more("content")])
def test_an_edit_that_turns_plain_does_not_show_what_was_secret(world: World, edit: str, then: str) -> None:
    ref = world.secret("db", make("plain", RNG))
    path = world.target / "a"
    path.write_text("theirs\n")
    edits = [{"line": f"pw={ref}", "regexp": "^pw="}] if edit == "lines" else [{"name": "a", "content": f"pw={ref}"}]
    world.file("a", **{edit: edits})
    world.aivp("apply -y")
    plain = [{"line": "pw=none", "regexp": "^pw="}] if edit == "lines" else [{"name": "a", "content": "pw=none"}]
    world.declared["resources"]["file.a"] = {"host": "here", "path": str(path)}
    world.declared["resources"]["file.a"] |= {edit: plain} if then == "edit" else {"content": "plain\n"}
    world.aivp("plan -v -o plan.json")
    world.aivp("observe -o evidence.json")
    world.check(path)
    world.aivp("apply plan.json")
    assert ("pw=none" if then == "edit" else "plain\n") in path.read_text()
    assert "No changes" in world.aivp("plan")
    world.check()


def test_a_private_file_that_others_wrote_is_not_shown(world: World) -> None:
    path = world.file("a", content="new\n", mode="0600")
    path.write_text(world.planted.plant("theirs", make("plain", RNG)))
    path.chmod(0o640)
    world.aivp("plan -v -o plan.json")
    world.check(path)
    world.aivp("apply plan.json -v")
    assert path.read_text() == "new\n"
    world.check()


def test_destroying_needs_no_secret(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", content=ref)
    world.aivp("apply -y")
    del world.environ["PLANTED_DB"]
    world.aivp("destroy -y")
    assert not path.exists()
    world.check()


def test_a_deleted_edit_leaves_what_others_wrote(world: World) -> None:
    """Its lines are secret, so the host is not told them; that must not turn the edit into a whole file of ours."""
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", lines=[{"line": f"pw={ref}"}], create=True)
    world.aivp("apply -y")
    path.write_text(path.read_text() + "theirs\n")
    world.aivp("destroy -y", code=5)
    assert "theirs" in path.read_text()
    world.check(path)


@pytest.mark.parametrize("value", ["e", *more("file", "0644", "root", "present", "secret", "(secret)", "true", "name")])
def test_a_secret_that_is_a_word_of_ours_breaks_nothing(world: World, value: str) -> None:
    world.declared["secrets"]["word"] = {"env": "WORD"}
    world.environ["WORD"] = value
    world.file("a", content="${secret.word}", mode="0644", owner="root", group="root")
    world.resource("command.b", shell="true", env={"PW": "${secret.word}"})
    world.aivp("apply -y")
    assert "No changes" in world.aivp("plan --detailed-exitcode")
    Path(world.target, "a").chmod(0o600)
    assert "0644" in world.aivp("drift", code=2)


def test_a_moved_and_a_forgotten_secret_stay_inside(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    first = world.file("a", content=f"a {ref}")
    second = world.file("b", content=f"b {ref}")
    world.aivp("apply -y")
    world.declared["resources"]["file.c"] = world.declared["resources"].pop("file.a")
    del world.declared["resources"]["file.b"]
    world.declared["moved"] = [{"from": "file.a", "to": "file.c"}]
    world.declared["removed"] = [{"address": "file.b", "destroy": False}]
    world.aivp("plan -v -o plan.json")
    world.aivp("apply plan.json -v", is_watched=True)
    assert first.exists()
    assert second.exists()
    world.aivp("state list --json")
    world.check(first, second)


def test_a_lost_state_is_rebuilt_without_values(world: World) -> None:
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", content=f"a {ref}", mode="0644")
    world.aivp("apply -y")
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (world.project / ".aivp/main" / name).unlink(missing_ok=True)
    world.aivp("plan", code=1)
    world.aivp("state rebuild -y")
    assert "No changes" in world.aivp("plan -v")
    world.aivp("state list --json")
    world.check(path)


@pytest.mark.parametrize("then", ["plain", "mode", "gone", "moved"])
def test_a_rebuilt_state_still_knows_what_was_secret(world: World, then: str) -> None:
    ref = world.secret("db", make("plain", RNG))
    path = world.file("a", content=f"a {ref}", mode="0644")
    world.aivp("apply -y")
    resources = world.declared["resources"]
    if then == "gone":
        del resources["file.a"]
    elif then == "moved":
        resources["file.b"] = {**resources.pop("file.a"), "content": "plain\n"}
    else:
        resources["file.a"] |= {"content": "plain\n"} if then == "plain" else {"mode": "0640"}
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (world.project / ".aivp/main" / name).unlink(missing_ok=True)
    world.aivp("state rebuild -y")
    shown = world.aivp("plan -v -o plan.json")
    assert ("(sensitive, differs)" in shown) == (then in ("plain", "moved"))
    world.aivp("observe -o evidence.json")
    world.aivp("state list --json")
    world.check(path)
    world.aivp("apply plan.json -v")
    world.check(*([] if then in ("plain", "moved", "gone") else [path]))
