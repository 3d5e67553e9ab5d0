"""Copies, checks, renames: the same for both back ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aivp_contract import canonical

from aivp.diagnostics import Refused
from aivp.model.oneoff import OneOff
from aivp.model.resource import Host
from aivp.state import State
from aivp.state.backup import decode, differences, encode, restore
from aivp.state.check import flaws
from aivp.state.content import read_content
from aivp.state.rename import rename
from tests.state.conftest import Backend
from tests.state.objects import thing
from tests.state.test_store import NOW, codes, done

PLAN = b'{"plan":1,"text":"\xc3\xa4\\u0000"}'


@pytest.fixture
def used(state: State) -> State:
    """Two objects, a closed run and an open one."""
    state.put([thing("a"), thing("b", edges=["file.a@lab"])])
    state.record_key("key1")
    state.record_plan("sha256:" + "0" * 64)
    for status in ("done", "interrupted"):
        run = state.begin_run(canonical.digest_bytes(PLAN), PLAN, NOW)
        state.conclude(run, [done("create:file.a@lab"), done("x", **{"class": "permanent"})], [], [])
        state.end_run(run, status, NOW)
    return state


def test_a_copy_holds_everything_and_fits_the_other_back_end(used: State, tmp_path: Path) -> None:
    content = read_content(used)
    data = encode(content)
    assert decode(data) == content
    assert encode(decode(data)) == data == canonical.encode(json.loads(data))
    assert len(json.loads(data)["state"]["bodies"]) == 1, "runs of one plan share its bytes"
    (tmp_path / "there").mkdir()
    from aivp.model.place import SqlitePlace

    other = Backend(tmp_path / "there", SqlitePlace()).open()
    assert restore(other, decode(data), is_forced=False)
    assert [item.form() for item in other.objects()] == [item.form() for item in used.objects()]
    assert (other.lineage, other.key_id) == (used.lineage, "key1")
    assert other.open_run() == used.open_run()
    assert other.serial == used.serial + 1
    assert not restore(other, decode(data), is_forced=False), "it is so already"
    other.close()


def test_a_copy_that_would_lose_something_is_refused(used: State) -> None:
    copy = decode(encode(read_content(used)))
    used.put([thing("later")])
    assert codes(lambda: restore(used, copy, is_forced=False)) == ["AIVP0508"], "a run is open"
    run = used.open_run()
    assert run is not None
    used.end_run(run.run, "abandoned", NOW)
    with pytest.raises(Refused) as refused:
        restore(used, copy, is_forced=False)
    (item,) = refused.value.diagnostics
    assert item.code == "AIVP0841"
    assert "older by 2 commits" in item.why
    assert "file.later@lab" in item.why
    assert differences(read_content(used), copy)[0] == "1 object would be forgotten (file.later@lab)"
    before = used.serial
    assert restore(used, copy, is_forced=True)
    assert [item.address for item in used.objects()] == ["file.a@lab", "file.b@lab"]
    assert used.serial > before, "no older copy may pass for a newer one"


def test_a_copy_of_another_lineage_or_project(backend: Backend, used: State) -> None:
    run = used.open_run()
    assert run is not None
    used.end_run(run.run, "abandoned", NOW)
    copy = decode(encode(read_content(used)))
    used.rebuild("e" * 32, [], [], None)
    with pytest.raises(Refused, match="another lineage"):
        restore(used, copy, is_forced=False)
    other = backend.open("shop", "dev")
    assert codes(lambda: restore(other, copy, is_forced=True)) == ["AIVP0841"]
    other.close()


def test_what_is_no_copy(used: State) -> None:
    data = encode(read_content(used))
    whole = json.loads(data)
    for broken in (
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        data[:-1],
        data.replace(b"file.a@lab", b"file.z@lab"),
        canonical.encode({**whole, "copy": 2}),
        canonical.encode({**whole, "more": 1}),
        canonical.encode({**whole, "state": {**whole["state"], "plans": [1]}}),
        b"[" * 100_000,
    ):
        assert codes(lambda broken=broken: decode(broken)) == ["AIVP0840"], broken[:40]
    bad = {**whole["state"], "objects": [{**whole["state"]["objects"][0], "body": "{}"}]}
    assert codes(lambda: decode(canonical.encode({"copy": 1, "digest": canonical.digest(bad), "state": bad}))) == [
        "AIVP0840"
    ], "a true digest makes no rows of junk"


def test_a_sound_state_only_has_its_open_run_to_tell(used: State) -> None:
    assert [(item.severity, item.code) for item in flaws(read_content(used))] == [("warning", "AIVP0843")]
    assert used.database.problems() == []


def test_the_run_of_a_one_off_command_is_sound(state: State) -> None:
    command = OneOff("care", "", ("true",), {"lab": Host("lab", "local")})
    state.end_run(state.begin_run(command.digest, command.encode(), NOW), "done", NOW)
    content = read_content(state)
    assert flaws(content) == []
    assert decode(encode(content)) == content


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [
        ("UPDATE objects SET body='junk' WHERE address='file.b@lab'", "AIVP0842", "cannot be read"),
        ("UPDATE objects SET address='file.c@lab' WHERE address='file.b@lab'", "AIVP0842", "is about"),
        ('UPDATE objects SET body=replace(body, \'"kind":"file"\', \'"kind":"noop"\')', "AIVP0842", "as a noop"),
        ("DELETE FROM objects WHERE address='file.a@lab'", "AIVP0843", "needs file.a@lab"),
        ("UPDATE meta SET value='x' WHERE key='lineage'", "AIVP0842", "lineage"),
        ("UPDATE runs SET plan='sha256:x'", "AIVP0842", "not the one with its digest"),
        ("UPDATE runs SET status='odd'", "AIVP0842", "odd"),
        ("DELETE FROM runs", "AIVP0842", "belongs to no run"),
        ("UPDATE steps SET error='[' WHERE step='x'", "AIVP0842", "error recorded"),
        ("UPDATE plans SET digest='x'", "AIVP0842", "no digest"),
    ],
)
def test_damage_is_found(used: State, statement: str, code: str, words: str) -> None:
    with used.transaction("test") as sql:
        sql.execute(statement)
    assert [item for item in flaws(read_content(used)) if item.code == code and words in item.why]


def test_a_rename_takes_edges_and_deposed_rows_along(state: State) -> None:
    state.put([thing("a"), thing("a", is_deposed=True), thing("b", edges=["file.a@lab", "file.x@lab"])])
    serial = state.serial
    rename(state, "file.a@lab", "file.z[1]@lab")
    found = {(item.address, item.is_deposed): item for item in state.objects()}
    assert sorted(found) == [("file.b@lab", False), ("file.z[1]@lab", False), ("file.z[1]@lab", True)]
    assert found["file.b@lab", False].edges == ["file.x@lab", "file.z[1]@lab"]
    assert found["file.z[1]@lab", False].registered == "file.a@lab"
    assert state.serial == serial + 1, "one commit"
    rename(state, "file.z[1]@lab", "file.y@lab")
    assert {item.registered for item in state.objects()} == {"", "file.a@lab"}
    rename(state, "file.y@lab", "file.a@lab")
    assert {item.registered for item in state.objects()} == {""}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("file.nope@lab", "file.z@lab", "AIVP0709"),
        ("file.a@lab", "file.b@lab", "AIVP0844"),
        ("file.a@lab", "noop.z@lab", "AIVP0844"),
        ("file.a@lab", "file.z@web", "AIVP0844"),
        ("file.a@lab", "file.z", "AIVP0844"),
        ("file.a@lab", "", "AIVP0844"),
        ("file.a@lab", 'file.z["plain"]@lab', "AIVP0844"),
        ("file.a@lab", "file.Ä\n@lab", "AIVP0844"),
    ],
)
def test_what_cannot_be_renamed(state: State, old: str, new: str, code: str) -> None:
    state.put([thing("a"), thing("b")])
    before = read_content(state)
    assert codes(lambda: rename(state, old, new)) == [code]
    assert read_content(state) == before


def test_no_rename_while_a_run_is_open(used: State) -> None:
    assert codes(lambda: rename(used, "file.a@lab", "file.z@lab")) == ["AIVP0508"]
