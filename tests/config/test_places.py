"""`state:` in aivp.yaml: what is read, what is refused and where, and that no password is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from aivp.config.load import read
from aivp.config.places import read_text
from aivp.diagnostics import Refused
from aivp.model.place import DEFAULT, PostgresPlace, SqlitePlace, is_private, variables


def project(folder: Path, text: str, environment: str | None = None):
    (folder / "aivp.yaml").write_text(f"aivp: v1\nproject: shop\n{text}\n")
    return read(folder, environment=environment)


def mistakes(folder: Path, text: str, environment: str | None = None) -> list[tuple[str, str | None, str]]:
    found = project(folder, text, environment).flaws.mistakes
    return [(item.code, None if item.span is None else str(item.span), f"{item.why} {item.mend}") for item in found]


def test_what_is_read(tmp_path: Path) -> None:
    assert project(tmp_path, "").state == DEFAULT == SqlitePlace(".aivp")
    assert project(tmp_path, "state:").state == DEFAULT
    assert project(tmp_path, "state: {sqlite: /srv/aivp/}").state == SqlitePlace("/srv/aivp")
    assert project(tmp_path, "state: {postgres: {}}").state == PostgresPlace()
    assert project(tmp_path, "state: {postgres: }").state == PostgresPlace()
    every = (
        "{host: h, port: 5433, database: d, user: u, sslmode: verify-full, sslrootcert: ca.pem, sslcert: c, sslkey: k, "
        "schema: team, role: r, connect_timeout: 5, timeout: 600, password: {env: P}}"
    )
    found = project(tmp_path, f"state: {{postgres: {every}}}").state
    assert isinstance(found, PostgresPlace)
    assert (found.seconds("timeout", 60), found.variable("password"), found.text("role")) == (600, "P", "r")
    assert variables(found) == {"PGPASSWORD", "P"}
    assert read_text(f"postgres: {every}", "--from") == found
    assert read_text(str(found.form()), "--from") == found, "what it writes down, it reads"


def test_an_environment_says_it_in_place_of_the_project(tmp_path: Path) -> None:
    text = "state: {postgres: {host: a, user: u}}\nenvironments:\n  dev: {}\n  prod: {state: {postgres: {host: b}}}\n"
    assert project(tmp_path, text, "dev").state == PostgresPlace({"host": "a", "user": "u"})
    assert project(tmp_path, text, "prod").state == PostgresPlace({"host": "b"})
    broken = text.replace("host: b", "hots: b")
    (told,) = mistakes(tmp_path, broken, "dev")
    assert told[:2] == ("AIVP0123", "aivp.yaml:6:29"), "every environment is checked"
    assert "Did you mean host" in told[2]


@pytest.mark.parametrize(
    ("text", "code", "where", "words"),
    [
        ("state: 5", "AIVP0124", "3:8", "a map"),
        ("state: {}", "AIVP0830", "3:8", "no back end"),
        ("state: {sqlite: a, postgres: {}}", "AIVP0830", "3:8", "two back ends"),
        ("state: {postgress: {}}", "AIVP0123", "3:9", "Did you mean postgres?"),
        ("state: {sqlite: 5}", "AIVP0124", "3:17", "text"),
        ("state: {sqlite: ''}", "AIVP0830", "3:17", "empty"),
        ("state: {sqlite: ~/x}", "AIVP0830", "3:17", "not expanded"),
        ("state: {sqlite: x/state.db}", "AIVP0830", "3:17", "a folder"),
        ("state: {postgres: {dbname: x}}", "AIVP0123", "3:20", "database"),
        ("state: {postgres: {sslmode: verify_full}}", "AIVP0830", "3:29", "Did you mean verify-full"),
        ("state: {postgres: {port: 70000}}", "AIVP0830", "3:26", "from 1 to 65535"),
        ("state: {postgres: {port: '1'}}", "AIVP0124", "3:26", "an integer"),
        ("state: {postgres: {timeout: 0}}", "AIVP0830", "3:29", "from 1"),
        ("state: {postgres: {schema: Big-One}}", "AIVP0830", "3:28", "a-z"),
        ("state: {postgres: {host: '${var.x}'}}", "AIVP0830", "3:26", "before references"),
        ('state: {postgres: {host: "a\\nb"}}', "AIVP0830", "3:26", "nobody can see"),
        ("state: {postgres: {password: {env: a-b}}}", "AIVP0830", "3:30", "environment variable"),
        ("state: {postgres: {password: {file: x}}}", "AIVP0123", "3:31", "env"),
        ("state: {postgres: {dsn: {env: D}, host: x}}", "AIVP0830", "3:35", "beside `dsn`"),
        ("state: {postgres: [x]}", "AIVP0124", "3:19", "a map"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, code: str, where: str, words: str) -> None:
    told = mistakes(tmp_path, text)
    assert [(item[0], item[1]) for item in told] == [(code, f"aivp.yaml:{where}")], told
    assert words in told[0][2]


@pytest.mark.parametrize(
    "text",
    [
        "state: postgres://u:hunter2@h/d",
        "state: {postgres: postgres://u:hunter2@h/d}",
        "state: {postgres: {password: hunter2, hots: x}}",
        "state: {postgres: {password: 70707}}",
        "state: {postgres: {dsn: host=h password=hunter2}}",
        "state: {postgres: {host: 'h password=hunter2'}}",
        "state: {postgres: {host: 'postgresql://u:hunter2@h'}}",
        "state: {postgres: {url: 'hunter2'}}",
        "environments: {dev: {state: {postgres: {password: hunter2}}}}",
    ],
)
def test_a_password_in_a_file_is_told_without_its_line(tmp_path: Path, text: str) -> None:
    (told,) = mistakes(tmp_path, text, "dev" if "environments" in text else None)
    assert told[:2] == ("AIVP0830", None), "a place would show the line"
    assert "aivp.yaml:3:" in told[2]
    assert "{env:" in told[2]
    assert "hunter2" not in told[2]
    assert "70707" not in told[2]


def test_the_section_stands_in_the_root_document(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("state: {sqlite: x}\n")
    (told,) = mistakes(tmp_path, "include: [more.yaml]")
    assert told[:2] == ("AIVP0122", "more.yaml:1:1")


def test_what_stays_inside_the_checkout() -> None:
    assert [is_private(SqlitePlace(name)) for name in (".aivp", "a/b", "/a", "../a", "a/../b")] == [True, True] + [
        False
    ] * 3
    assert not is_private(PostgresPlace())


def test_a_place_that_cannot_be_read_from_the_command_line() -> None:
    for text in ("", "x", "{postgres: {hots: x}}", "{", "a: &a [*a]"):
        with pytest.raises(Refused):
            read_text(text, "--from")
