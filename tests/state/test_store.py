"""One suite for both back ends: what is promised of a state, whatever holds it."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from aivp.diagnostics import Refused
from aivp.model.evidence import digest_of
from aivp.state import State, StepRecord
from aivp.state.store import RUNS_KEPT
from tests.state.conftest import Backend
from tests.state.objects import thing

NOW = "2026-01-31T14:46:42.382+00:00"


def codes(do: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as found:
        do()
    return [item.code for item in found.value.diagnostics]


def done(step: str, **error: str) -> StepRecord:
    return StepRecord(step, "failed" if error else "done", "create", error or None, NOW)


def test_nothing_is_there_before_it_is_made(backend: Backend) -> None:
    assert backend.existing() is None
    backend.open().close()
    found = backend.existing()
    assert found is not None
    assert (found.objects(), found.runs(), found.open_run(), found.key_id) == ([], [], None, None)
    assert len(found.lineage) == 32
    found.close()


def test_objects_come_back_as_they_were_in_the_order_of_bytes(backend: Backend, state: State) -> None:
    names = ["b", "a", "a-1", "a_1", "a[Z]", "a[ä]", 'a["\\u0000"]', "a[é]"]
    objects = [thing(name) for name in names]
    objects += [thing("a", is_deposed=True), thing("b", tainted=["content"], edges=["file.a@lab"])]
    state.put(objects)
    again = backend.existing()
    assert again is not None
    found = again.objects()
    again.close()
    wanted = {(item.address, item.is_deposed): item for item in objects}
    assert [item.form() for item in found] == [
        wanted[key].form() for key in sorted(wanted, key=lambda key: (key[0].encode(), key[1]))
    ]
    assert digest_of(found) == digest_of(state.objects())


def test_states_keep_apart_by_project_and_environment(backend: Backend, state: State) -> None:
    state.put([thing("a")])
    other = backend.open("shop", "dev")
    assert other.objects() == []
    assert other.lineage != state.lineage
    other.close()


def test_another_project_is_refused(backend: Backend, state: State) -> None:
    with state.transaction("test") as sql:
        sql.execute("UPDATE meta SET value='other' WHERE key='project'")
    assert codes(backend.open) == ["AIVP0704"]


def test_the_serial_counts_commits(state: State) -> None:
    before = state.serial
    state.put([thing("a")])
    state.remove(["file.a@lab"])
    assert state.serial == before + 2


def test_a_run_from_begin_to_end(state: State) -> None:
    body = b'{"plan":1}\x00\xff'
    run = state.begin_run("sha256:1", body, NOW)
    assert state.open_run() is not None
    assert codes(lambda: state.begin_run("sha256:1", body, NOW)) == ["AIVP0508"]
    state.put([thing("gone"), thing("stays", is_deposed=True), thing("stays")])
    records = [done("create:file.a@lab"), done("delete:x", **{"class": "permanent", "message": "ü \u0000"})]
    state.conclude(run, records, [thing("a")], [("file.gone@lab", False), ("file.stays@lab", True)])
    assert [item.address for item in state.objects()] == ["file.a@lab", "file.stays@lab"]
    assert not any(item.is_deposed for item in state.objects())
    assert state.steps(run) == {item.step: item for item in records}
    state.conclude(run, [done("delete:x")], [replace(thing("a"), provenance="adopted")], [])
    assert state.steps(run)["delete:x"].error is None
    assert state.objects()[0].provenance == "adopted"
    state.end_run(run, "failed", NOW)
    failed = state.failed_run()
    assert failed is not None
    assert (failed.run, failed.body, failed.ended) == (run, body, NOW)
    assert (state.open_run(), state.closed_runs()) == (None, [run])
    state.reopen_run(run)
    assert state.failed_run() is None
    state.end_run(run, "done", NOW)
    assert [(item.run, item.body, item.status) for item in state.runs()] == [(run, b"", "done")]


def test_old_runs_are_let_go_with_their_steps(state: State) -> None:
    runs = []
    for number in range(RUNS_KEPT + 3):
        runs.append(state.begin_run(f"sha256:{number}", b"", NOW))
        if number in (0, 50):
            state.conclude(runs[-1], [done("create:file.a@lab")], [], [])
        state.end_run(runs[-1], "done", NOW)
    assert [item.run for item in state.runs()] == runs[3:]
    assert (state.steps(runs[0]), len(state.steps(runs[50]))) == ({}, 1)


def test_plans_and_the_key_are_remembered_once(state: State) -> None:
    for _ in range(2):
        state.record_plan("sha256:1")
        state.record_key("key1")
    state.record_key("key2")
    assert (state.knows_plan("sha256:1"), state.knows_plan("sha256:2"), state.key_id) == (True, False, "key1")


def test_rebuild_replaces_what_was_known_of_hosts(state: State) -> None:
    state.put([thing("a"), thing("b", host="far")])
    state.begin_run("sha256:1", b"", NOW)
    state.rebuild("f" * 32, ["lab"], [thing("c")], "key")
    assert [item.address for item in state.objects()] == ["file.b@far", "file.c@lab"]
    assert (state.lineage, state.key_id, state.open_run()) == ("f" * 32, "key", None)


def test_a_commit_that_fails_leaves_nothing(state: State) -> None:
    state.put([thing("a")])
    serial = state.serial

    def fail() -> None:
        with state.transaction("test") as sql:
            sql.execute("DELETE FROM objects")
            sql.execute("INSERT INTO nowhere VALUES (1)")

    assert codes(fail) == ["AIVP0705"]
    assert [item.address for item in state.objects()] == ["file.a@lab"]
    assert state.serial == serial

    def break_off() -> None:
        with state.transaction("test") as sql:
            sql.execute("DELETE FROM objects")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert len(state.objects()) == 1


def test_a_damaged_row_is_told(state: State) -> None:
    state.put([thing("a")])
    for body in ("[]", "not json", '{"address":1}'):
        with state.transaction("test") as sql:
            sql.execute("UPDATE objects SET body=?", body)
        assert codes(state.objects) == ["AIVP0705"]


def test_a_newer_format_is_refused(backend: Backend, state: State) -> None:
    if backend.place.form().keys() == {"sqlite"}:
        state.database.rows("PRAGMA user_version=999")
    else:
        with state.transaction("test") as sql:
            sql.execute("UPDATE meta SET value='999' WHERE key='format'")
    assert codes(backend.open) == codes(backend.existing) == ["AIVP0701"]


def test_one_at_a_time(backend: Backend, state: State) -> None:
    with state.exclusive():
        other = backend.open()
        assert codes(lambda: other.exclusive().__enter__()) == ["AIVP0511"]
        other.close()
        apart = backend.open("shop", "dev")
        with apart.exclusive():
            pass
        apart.close()
    again = backend.open()
    with again.exclusive():
        pass
    again.close()


def test_a_killed_process_frees_the_lock(backend: Backend, state: State) -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def hold() -> None:
        with backend.open().exclusive():
            theirs.send("held")
            time.sleep(600)

    process = context.Process(target=hold)
    process.start()
    assert ours.poll(30)
    assert ours.recv() == "held"
    assert codes(lambda: state.exclusive().__enter__()) == ["AIVP0511"]
    process.kill()
    process.join()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with state.exclusive():
                return
        except Refused:
            time.sleep(0.05)
    pytest.fail("still locked")


def test_first_use_by_many_at_once(backend: Backend) -> None:
    context = multiprocessing.get_context("fork")
    lineages = context.SimpleQueue()

    def use() -> None:
        found = backend.open()
        lineages.put(found.lineage)
        found.close()
        os._exit(0)

    processes = [context.Process(target=use) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert len({lineages.get() for _ in processes}) == 1


def test_many_objects_are_one_query(state: State) -> None:
    objects = [thing(f"n{number:05}") for number in range(10_000)]
    state.put(objects)
    start = time.perf_counter()
    assert len(state.objects()) == 10_000
    assert time.perf_counter() - start < 30, "a query a row would be visible even here"
