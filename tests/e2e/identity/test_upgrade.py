"""Rows that an older version of a provider recorded: compared in today's form, written so by the next apply."""

from __future__ import annotations

from tests.e2e.identity.conftest import Books

WAS = "ledger/entry.a@here: it was recorded under version {} of ledger/entry"
NAMED = WAS + ", and the installed provider ledger has version {}"


MORE = '  file.near: {host: here, path: "${var.root}/target/near", content: near}'


def applied_by_the_first_version(books: Books) -> None:
    books.install("1.0.0", 1, "upgrade")
    books.entries(a="name: one", b="name: two")
    books.succeed("apply", "-y")
    for path in books.target.glob("*.json"):  # the thing itself is of today
        path.write_text(path.read_text().replace('"name"', '"title"'))


def upgrades(books: Books) -> list[str]:
    return [line for line in books.asked() if line.startswith("upgrade")]


def test_old_rows_plan_to_nothing_and_are_rewritten_when_touched(books: Books) -> None:
    applied_by_the_first_version(books)
    books.install("2.0.0", 2, "upgrade")
    books.entries(a="title: one", b="title: two")
    books.settled()
    assert upgrades(books) == ["upgrade 2"], "both in one request"
    assert {row["schema_version"] for row in books.rows().values()} == {1}, "a plan writes nothing"
    books.entries(a="title: changed", b="title: two")
    shown = books.succeed("plan", "-o", "plan.json")
    assert "drift" not in shown, shown
    books.succeed("apply", "plan.json")
    rows = books.rows()
    assert rows["ledger/entry.a@here"]["schema_version"] == 2
    assert rows["ledger/entry.a@here"]["attributes"]["title"] == "changed"
    assert rows["ledger/entry.b@here"]["schema_version"] == 1
    books.settled()
    assert books.book() == {"101": "changed", "102": "two"}


def test_old_rows_can_be_ended(books: Books) -> None:
    applied_by_the_first_version(books)
    books.install("2.0.0", 2, "upgrade")
    books.entries(a="title: one")
    books.succeed("apply", "-y")
    assert books.book() == {"101": "one"}
    books.succeed("destroy", "-y")
    assert books.book() == {}


def test_old_rows_can_move(books: Books) -> None:
    applied_by_the_first_version(books)
    books.install("2.0.0", 2, "upgrade")
    books.entries(a="title: one", c="title: two", more="moved: [{from: ledger/entry.b, to: ledger/entry.c}]")
    books.succeed("apply", "-y")
    assert books.rows()["ledger/entry.c@here"]["attributes"]["title"] == "two"
    books.settled()


def test_a_provider_that_cannot_upgrade_blocks_its_own(books: Books) -> None:
    applied_by_the_first_version(books)
    books.install("2.0.0", 2)
    books.entries(a="title: changed", c="title: two", more=MORE)
    result = books.aivp("apply", "-y")
    text = " ".join(result.text.split())
    assert result.code == 5, result.text
    assert f"{NAMED.format(1, 2)}: it cannot upgrade what an older version of it recorded." in text, result.text
    assert text.count("ledger/entry.a@here: it was") == 1
    assert "ledger/entry.b@here: it was recorded" in text, "what is not declared any more"
    assert (books.target / "near").read_text() == "near"
    assert books.book() == {"101": "one", "102": "two", "103": "two"}, "its new ones go on"
    assert {row["schema_version"] for row in books.rows().values() if row["kind"] != "file"} == {1, 2}
    books.install("2.0.1", 2, "upgrade")
    books.succeed("apply", "-y")
    assert books.book() == {"101": "changed", "103": "two"}
    books.settled()


def test_one_that_stops_to_upgrade_before_the_apply_fails_alone(books: Books) -> None:
    applied_by_the_first_version(books)
    books.install("2.0.0", 2, "upgrade")
    books.entries(a="title: changed", b="title: two", more=MORE)
    books.succeed("plan", "-o", "plan.json")
    (books.host / "work/ledger/forgotten").touch()
    result = books.aivp("apply", "plan.json")
    text = " ".join(result.text.split())
    assert result.code == 5, result.text
    assert "ledger/entry.a@here failed to update" in text
    assert "it has forgotten" in text
    assert (books.target / "near").read_text() == "near"
    (books.host / "work/ledger/forgotten").unlink()
    books.succeed("apply", "--resume")
    assert books.book() == {"101": "changed", "102": "two"}
    books.settled()


def test_an_older_provider_blocks_its_own(books: Books) -> None:
    books.install("2.0.0", 2, "upgrade")
    books.entries(a="title: one")
    books.succeed("apply", "-y")
    books.install("1.0.0", 1, "upgrade")
    books.entries(a="name: one")
    result = books.aivp("apply", "-y")
    text = " ".join(result.text.split())
    assert (result.code, "AIVP0512" in text) == (1, True), result.text
    assert f"{NAMED.format(2, 1)}, which is older." in text
    assert "Install the ledger that it was applied with, or a newer one." in text
    assert books.book() == {"101": "one"}


def test_recorded_evidence_of_an_older_version_is_refused(books: Books) -> None:
    applied_by_the_first_version(books)
    books.succeed("observe", "-o", "evidence.json")
    books.install("2.0.0", 2, "upgrade")
    books.entries(a="title: one", b="title: two")
    refused = books.aivp("plan", "--observed", "evidence.json")
    assert (refused.code, "AIVP0418" in refused.text, "Observe again." in refused.text) == (1, True, True), refused.text
