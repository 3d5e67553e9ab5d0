"""Things whose ids their provider assigns, from create to delete, through crashes and lost states."""

from __future__ import annotations

import os
import signal
import time

from tests.e2e.faults.world import PATIENCE
from tests.e2e.identity.conftest import Books

MOVED = "moved: [{from: ledger/entry.a@here, to: ledger/entry.b@here}]"
IMPORT = 'import: [{{address: ledger/entry.a@here, identity: "{}"}}]'


def test_a_life(books: Books) -> None:
    """Created twice under two ids though they say the same, changed, replaced, and gone."""
    books.entries(a="title: one", b="title: one")
    books.succeed("apply", "-y")
    assert books.book() == {"101": "one", "102": "one"}
    books.settled()
    assert books.rows()["ledger/entry.a@here"]["identity"] == {"id": "101"}
    assert books.claims() == [
        ('{"id":"101"}', "ledger/entry.a@here", "created"),
        ('{"id":"102"}', "ledger/entry.b@here", "created"),
    ]
    books.entries(a="title: two", b="title: one, color: red")
    books.succeed("apply", "-y")
    assert books.book() == {"101": "two", "103": "one"}
    assert [claim[0] for claim in books.claims()] == ['{"id":"101"}', '{"id":"103"}']
    books.settled()
    books.entries(a="title: two")
    books.succeed("apply", "-y")
    assert books.book() == {"101": "two"}
    books.succeed("destroy", "-y")
    assert (books.book(), books.rows(), books.claims()) == ({}, {}, [])


def test_what_vanished_is_made_anew_under_a_new_id(books: Books) -> None:
    books.entries(a="title: one")
    books.succeed("apply", "-y")
    (books.target / "101.json").unlink()
    assert books.aivp("drift").code == 2
    books.succeed("apply", "-y")
    assert books.book() == {"102": "one"}
    assert books.claims() == [('{"id":"102"}', "ledger/entry.a@here", "created")]
    assert books.rows()["ledger/entry.a@here"]["outputs"] == {"id": "102"}
    books.settled()


def test_drift_is_seen_by_id(books: Books) -> None:
    books.entries(a="title: one")
    books.succeed("apply", "-y")
    (books.target / "101.json").write_text('{"title": "other"}')
    assert books.aivp("drift").code == 2
    books.succeed("apply", "-y")
    assert books.book() == {"101": "one"}


def test_a_move_keeps_the_id(books: Books) -> None:
    books.entries(a="title: one")
    books.succeed("apply", "-y")
    books.entries(b="title: one", more=MOVED)
    books.succeed("apply", "-y")
    books.settled()
    assert books.claims() == [('{"id":"101"}', "ledger/entry.b@here", "created")]
    assert books.asked() == ["create None"]


def test_a_false_condition_forgets_it(books: Books) -> None:
    books.entries(a="title: one")
    books.succeed("apply", "-y")
    books.entries(a="title: one, when: {host.facts.os.id: nothing}")
    books.succeed("apply", "-y")
    assert (books.book(), books.rows(), books.claims()) == ({"101": "one"}, {}, [])


def test_others_refer_to_the_id(books: Books) -> None:
    entries = "title: one"
    more = '  file.n: {host: here, path: "${var.root}/number", content: "${ledger/entry.a.id}\\n"}'
    books.entries(a=entries, more=more)
    books.succeed("apply", "-y")
    assert (books.root / "number").read_text() == "101\n"
    books.settled()
    (books.target / "101.json").unlink()
    books.succeed("apply", "-y")
    assert (books.root / "number").read_text() == "102\n"
    books.settled()


# --- import ------------------------------------------------------------------------------------------------------


def test_an_import_adopts_and_never_creates(books: Books) -> None:
    (books.target / "7.json").write_text('{"title": "one"}')
    books.entries(a="title: one", more=IMPORT.format(7))
    assert "adopt" in books.succeed("plan")
    books.succeed("apply", "-y")
    books.settled()
    assert books.claims() == [('{"id":"7"}', "ledger/entry.a@here", "adopted")]
    books.entries(a="title: two", more=IMPORT.format(7))
    books.succeed("apply", "-y")
    assert books.book() == {"7": "two"}
    books.succeed("destroy", "-y")
    assert books.book() == {"7": "two"}, "it was there before, so it stays"


def test_an_import_of_nothing_is_refused(books: Books) -> None:
    books.entries(a="title: one", more=IMPORT.format(7))
    refused = books.aivp("apply", "-y")
    assert refused.code == 1
    assert "error[AIVP0407]: Nothing there to import" in refused.text
    assert "ledger/entry.a@here is to be imported, but there is no such thing: id 7." in refused.text
    assert books.book() == {}


def test_two_addresses_cannot_import_the_same_thing(books: Books) -> None:
    (books.target / "7.json").write_text('{"title": "one"}')
    twice = 'import: [{address: ledger/entry.a@here, identity: "7"}, {address: ledger/entry.b@here, identity: "7"}]'
    books.entries(a="title: one", b="title: one", more=twice)
    refused = books.aivp("plan")
    assert (refused.code, "AIVP0222" in refused.text) == (1, True), refused.text


def test_an_id_of_another_type_is_a_mistake(books: Books) -> None:
    books.entries(a="title: one", more="import: [{address: ledger/entry.a@here, identity: {id: 7}}]")
    refused = books.aivp("validate")
    assert (refused.code, "AIVP0224" in refused.text) == (1, True), refused.text


# --- Crashes and lost states ---------------------------------------------------------------------------------------


def test_a_create_that_was_killed_makes_nothing_twice(books: Books) -> None:
    """Everything dies after the effect and before its answer: resumed, the same key brings the same id."""
    (books.target / "wait").touch()
    books.entries(a="title: one", b="title: two")
    process = books.start("apply", "-y")
    until = time.monotonic() + PATIENCE
    while not books.book():
        assert time.monotonic() < until, process.communicate()
        time.sleep(0.02)
    for pid in books.processes():
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    books.await_quiet()
    assert books.rows() == {}
    (books.target / "wait").unlink()
    shown = books.succeed("plan", "-o", "p.json")
    assert "comes first: aivp apply --resume" in shown, "and not: apply exactly this"
    assert "apply p.json" not in shown
    books.succeed("apply", "--resume")
    assert books.book() == {"101": "one", "102": "two"}
    assert books.asked() == ["create None"] * 3, "one of them twice, under one key"
    books.settled()
    books.check_provenance()


def test_what_was_made_badly_is_known_by_its_id(books: Books) -> None:
    """It failed, yet it is there: the next attempt mends it instead of making a second one."""
    (books.target / "forge").touch()
    books.entries(a="title: one")
    failed = books.aivp("apply", "-y")
    assert failed.code == 5, failed.text
    assert "the provider ledger broke its word: title is not as declared after the effect" in " ".join(
        failed.text.split()
    )
    assert books.rows()["ledger/entry.a@here"]["identity"] == {"id": "101"}
    (books.target / "forge").unlink()
    books.succeed("apply", "--resume")
    assert books.book() == {"101": "one"}
    assert books.claims() == [('{"id":"101"}', "ledger/entry.a@here", "created")]
    books.settled()


def test_a_rebuilt_state_has_the_ids(books: Books) -> None:
    books.entries(a="title: one", b="title: two")
    books.succeed("apply", "-y")
    for path in (books.project / ".aivp").rglob("state.db*"):
        path.unlink()
    books.succeed("state", "rebuild", "-y")
    assert {name: row["identity"]["id"] for name, row in books.rows().items()} == {
        "ledger/entry.a@here": "101",
        "ledger/entry.b@here": "102",
    }
    books.settled()
    books.entries(a="title: one")
    books.succeed("apply", "-y")
    assert books.book() == {"101": "one"}


def test_an_identity_that_an_output_brings_is_recorded_as_it_came(books: Books) -> None:
    number = 'file.n: {host: here, path: "${var.root}/entry-${ledger/entry.a.id}", content: "x"}'
    books.entries(a="title: one", more=f"  {number}")
    books.succeed("apply", "-y")
    path = f"{books.root}/entry-101"
    assert books.rows()["file.n@here"]["identity"] == {"path": path}
    assert books.claims()[0][:2] == (f'{{"path":"{path}"}}', "file.n@here")
    books.settled()
