"""Replacements whose old object goes last: after the new one has come, and all that depends on it has followed."""

from __future__ import annotations

import os
import signal
import time

from tests.e2e.faults.world import PATIENCE
from tests.e2e.identity.conftest import Books

A = "ledger/entry.a@here"
FIRST = "title: one, lifecycle: {create_before_destroy: true}"
NOTE = '  file.n: {host: here, path: "${var.root}/PLACE", content: "${ledger/entry.a.id}\\n"}'


def declare(books: Books, color: str, place: str = "number") -> None:
    books.entries(a=f"color: {color}, {FIRST}", more=NOTE.replace("PLACE", place))


def deposed(books: Books) -> list[str]:
    """The rows of what another object took the place of."""
    return [str(body) for (body,) in books.state_rows("SELECT body FROM objects WHERE deposed=1")]


def test_the_new_one_comes_first_and_the_old_one_goes_last(books: Books) -> None:
    declare(books, "red")
    books.succeed("apply", "-y")
    declare(books, "blue")
    shown = books.succeed("plan")
    assert "comes before the old one goes: color changed" in shown
    books.succeed("apply", "-y")
    assert books.asked() == ["create None", "create None", "delete 101"]
    assert books.book() == {"102": "one"}
    assert (books.root / "number").read_text() == "102\n"
    assert books.rows()[A]["identity"] == {"id": "102"}
    assert [claim[0] for claim in books.claims() if claim[1] == A] == ['{"id":"102"}']
    books.settled()
    books.succeed("destroy", "-y")
    assert (books.book(), books.rows(), books.claims()) == ({}, {}, [])


def test_the_old_one_stays_until_all_have_followed(books: Books) -> None:
    declare(books, "red")
    books.succeed("apply", "-y")
    declare(books, "blue", place="missing/number")
    assert books.aivp("apply", "-y").code == 5
    assert books.book() == {"101": "one", "102": "one"}, "whoever uses the old one still can"
    assert len(deposed(books)) == 1
    assert '"101"' in deposed(books)[0]
    declare(books, "green")
    held = books.aivp("plan")
    assert "what it took the place of earlier has to go first" in held.text
    (books.root / "missing").mkdir()
    declare(books, "blue", place="missing/number")
    books.succeed("apply", "-y")
    assert books.book() == {"102": "one"}
    assert (books.root / "missing/number").read_text() == "102\n"
    assert deposed(books) == []
    books.settled()


def test_killed_in_the_middle_both_are_known(books: Books) -> None:
    declare(books, "red")
    books.succeed("apply", "-y")
    (books.target / "wait").touch()
    declare(books, "blue")
    process = books.start("apply", "-y")
    until = time.monotonic() + PATIENCE
    while len(books.book()) < 2:
        assert time.monotonic() < until, process.communicate()
        time.sleep(0.02)
    for pid in books.processes():
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    books.await_quiet()
    (books.target / "wait").unlink()
    books.succeed("apply", "--resume")
    assert books.book() == {"102": "one"}
    assert (books.root / "number").read_text() == "102\n"
    assert deposed(books) == []
    books.settled()
    books.check_provenance()


def test_a_state_that_was_lost_in_the_middle_loses_neither(books: Books) -> None:
    declare(books, "red")
    books.succeed("apply", "-y")
    declare(books, "blue", place="missing/number")
    assert books.aivp("apply", "-y").code == 5
    books.succeed("runs", "abandon")
    for path in (books.project / ".aivp").rglob("state.db*"):
        path.unlink()
    books.succeed("state", "rebuild", "-y")
    assert len(deposed(books)) == 1
    assert '"101"' in deposed(books)[0]
    [(current,)] = books.state_rows(f"SELECT body FROM objects WHERE deposed=0 AND address='{A}'")
    assert '"102"' in str(current)
    assert [claim[0] for claim in books.claims() if str(claim[1]).startswith(A)] == ['{"id":"102"}', '{"id":"101"}']
