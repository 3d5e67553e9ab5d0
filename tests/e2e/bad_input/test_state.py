"""States, plans and evidence that are not what they should be: nothing is lost, and nothing is believed."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import CALM, Place, in_process


def database(place: Place) -> Path:
    return place.folder / ".aivp/main/state.db"


def rows(place: Place) -> list[tuple[str, str]]:
    """The objects that state holds, read past aivp."""
    connection = sqlite3.connect(f"file:{database(place)}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT address, body FROM objects ORDER BY address").fetchall()
    finally:
        connection.close()


READING = [("plan",), ("state", "list"), ("runs", "list"), ("apply", "-y"), ("observe",), ("drift",), ("destroy", "-y")]


def test_a_state_of_a_newer_format(calm: Place) -> None:
    connection = sqlite3.connect(database(calm))
    connection.execute("PRAGMA user_version=999")
    connection.commit()
    connection.close()
    before = database(calm).read_bytes()
    for words in READING:
        assert calm.refused(*words).codes == ["AIVP0701"]
    assert database(calm).read_bytes() == before
    assert (calm.things / "a").read_text() == "x"


@pytest.mark.parametrize("junk", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_state_that_is_junk(calm: Place, junk: bytes) -> None:
    for name in ("state.db-wal", "state.db-shm"):
        (calm.folder / ".aivp/main" / name).unlink(missing_ok=True)
    database(calm).write_bytes(junk)
    for words in READING[:4]:
        calm.refused(*words)
    assert database(calm).read_bytes() == junk, "somebody may still be able to mend it"


def test_a_state_whose_rows_are_junk(calm: Place) -> None:
    for body in ("[]", "not json", '{"address": 1}'):
        connection = sqlite3.connect(database(calm))
        connection.execute("UPDATE objects SET body=?", (body,))
        connection.commit()
        connection.close()
        for words in (("plan",), ("state", "list")):
            calm.refused(*words)


def test_a_state_of_another_project(calm: Place) -> None:
    calm.put({"aivp.yaml": (calm.folder / "aivp.yaml").read_text().replace("project: calm", "project: other")})
    assert calm.refused("plan").codes == ["AIVP0704"]


def test_a_state_folder_that_is_a_link(calm: Place) -> None:
    (calm.folder / ".aivp").rename(calm.folder.parent / "moved")
    os.symlink(calm.folder.parent / "moved", calm.folder / ".aivp")
    calm.refused("plan")


# Disks


@pytest.fixture
def namespace() -> tuple[str, ...]:
    """What starts a command in a mount namespace of its own; needs root."""
    wrap = ("unshare", "--mount", "--propagation", "private")
    try:
        done = subprocess.run([*wrap, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs unshare (util-linux)")
    if done.returncode != 0:
        pytest.skip("needs root and mount namespaces, for a full or read-only disk")
    return wrap


def inside(namespace: tuple[str, ...], script: str) -> tuple[str, ...]:
    """The command in a namespace, after some mounting. In the script, `$1` is the folder of state."""
    return (*namespace, "sh", "-c", script + '; shift; exec "$@"', "sh")


@pytest.mark.parametrize(
    "words", [("apply", "-y"), ("plan", "-o", "plan.json"), ("destroy", "-y"), ("state", "rm", "file.a@lab")]
)
def test_a_read_only_state(calm: Place, namespace: tuple[str, ...], words: tuple[str, ...]) -> None:
    calm.put({"aivp.yaml": (calm.folder / "aivp.yaml").read_text().replace("content: x", "content: y")})
    before = rows(calm)
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"'
    wrap = (*inside(namespace, script), str(calm.folder / ".aivp"))
    assert calm.refused(*words, wrap=wrap).codes[0] in ("AIVP0702", "AIVP0705")
    assert rows(calm) == before
    assert (calm.things / "a").read_text() == "x", "nothing is done that cannot be recorded"


@pytest.mark.parametrize("words", [("plan",), ("state", "list"), ("validate",), ("drift",)], ids=" ".join)
def test_reading_commands_on_a_read_only_disk(calm: Place, namespace: tuple[str, ...], words: tuple[str, ...]) -> None:
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"'
    ended = calm.aivp(*words, wrap=(*inside(namespace, script), str(calm.folder)))
    assert ended.code in (0, 1)
    assert ended.code == 0 or ended.codes


SLOW = pytest.mark.slow


@pytest.mark.parametrize("kilobytes", [pytest.param(64, marks=SLOW), 160, pytest.param(256, marks=SLOW)])
def test_a_full_disk(place: Place, namespace: tuple[str, ...], kilobytes: int) -> None:
    """State on a disk that is too small. Whatever was done is recorded, or else it is still to be done."""
    files = "".join(
        f"  file.f{n}: {{host: lab, path: {place.things}/f{n}, content: {'x' * 3000}}}\n" for n in range(30)
    )
    place.put({"aivp.yaml": f"{CALM}resources:\n{files}"})
    (place.folder / ".aivp").mkdir(mode=0o700)
    keep = place.folder.parent / "kept"
    script = f'mount -t tmpfs -o size={kilobytes}k,mode=0700 none "$1"'
    wrap = (
        *namespace,
        "sh",
        "-c",
        f'{script}; state=$1; shift; "$@"; code=$?; cp -r "$state" "{keep}"; exit $code',
        "sh",
    )
    ended = place.aivp("apply", "-y", wrap=(*wrap, str(place.folder / ".aivp")), seconds=120)
    assert ended.code != 0
    assert ended.codes, (ended.out, ended.err)
    shutil.rmtree(place.folder / ".aivp")
    shutil.copytree(keep, place.folder / ".aivp")
    for words in (("apply", "--resume"), ("apply", "-y"), ("state", "rebuild", "-y"), ("apply", "-y")):
        place.aivp(*words)
    assert len(list(place.things.iterdir())) == 30
    assert place.succeed("plan", "--detailed-exitcode").code == 0
    assert len(rows(place)) == 30


def test_an_output_that_cannot_be_written(calm: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = in_process(calm, monkeypatch)
    for target in ("nowhere/plan.json", "/dev/full", "/proc/x", "."):
        for command in ("plan", "compile", "observe"):
            code, said = run(command, "-o", target)
            assert (code, "error[AIVP0902]" in said) == (1, True), (command, target, said)


def test_an_output_that_is_no_file_is_written_to_and_a_link_is_followed(
    calm: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = in_process(calm, monkeypatch)
    pipe = calm.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert run("compile", "-o", str(pipe))[0] == 0
    assert json.loads(os.read(reader, 65536))["ir"] == 1
    os.close(reader)
    assert pipe.is_fifo()
    os.symlink(calm.folder.parent / "real.json", calm.folder / "link.json")
    assert run("compile", "-o", "link.json")[0] == 0
    assert (calm.folder / "link.json").is_symlink()
    assert json.loads((calm.folder.parent / "real.json").read_bytes())["ir"] == 1


# Plans


@pytest.fixture
def planned(calm: Place) -> Place:
    """A plan of a change lies there, unapplied."""
    calm.put({"aivp.yaml": (calm.folder / "aivp.yaml").read_text().replace("content: x", "content: y")})
    calm.succeed("plan", "-o", "plan.json")
    return calm


GARBAGE = [
    b"",
    b"{}",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"\xff\x00",
    b"{" * 100_000,
    b"[" * 100_000,
    b'{"plan":2}',
    b'{"plan":1}',
]


def test_what_is_no_plan(planned: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = in_process(planned, monkeypatch)
    for data in GARBAGE:
        planned.put({"plan.json": data})
        for words in (("show",), ("apply",), ("apply", "--digest", _sha256(planned.folder / "plan.json"))):
            code, said = run(*words, "plan.json")
            assert (code, "error[AIVP05" in said) == (4, True), (data[:20], said)
    assert (planned.things / "a").read_text() == "x"


def test_a_truncated_or_tampered_plan_is_not_applied(planned: Place) -> None:
    body = (planned.folder / "plan.json").read_bytes()
    for data in (body[: len(body) // 2], body + b" ", body.replace(b'"content":"y"', b'"content":"z"')):
        planned.put({"plan.json": data})
        planned.refused("apply", "plan.json", code=4)
    assert (planned.things / "a").read_text() == "x"


def test_a_plan_of_another_project_or_environment(planned: Place) -> None:
    other = planned.folder.parent / "other"
    shutil.copytree(planned.folder, other)
    shutil.rmtree(other / ".aivp")
    (other / "aivp.yaml").write_text((other / "aivp.yaml").read_text().replace("calm", "wild"))
    ended = planned.refused("apply", "-C", str(other), "plan.json", code=4)
    assert ended.codes == ["AIVP0509"]
    body = json.loads((planned.folder / "plan.json").read_bytes())
    digest = planned.succeed("plan", "-o", "plan.json").out.partition("sha256:")[2][:64]
    ended = planned.refused("apply", "-C", str(other), "--digest", digest, "plan.json", code=4)
    assert ended.codes == ["AIVP0506"]
    assert body["project"] == "calm"


def test_a_missing_or_huge_file(planned: Place) -> None:
    planned.refused("apply", "nowhere.json")
    planned.refused("show", ".")
    planned.refused("plan", "--observed", "nowhere.json")
    planned.refused("show", "/dev/zero", seconds=60, most=1500)


def mutants(document: Any, count: int) -> Iterator[tuple[str, Any]]:
    """The document with one value of another type or shape, or one member gone; always the same ones."""
    ways = list(_ways(document))
    chance = random.Random(11)
    others: list[Any] = [None, 7, -1, 0.5, True, "x", "", [], {}, ["x"], {"x": 1}, {"$aivp": "unknown"}, 2**60]
    for _ in range(count):
        way = chance.choice(ways)
        mutant = json.loads(json.dumps(document))
        inner = mutant
        for part in way[:-1]:
            inner = inner[part]
        if chance.random() < 0.25:
            del inner[way[-1]]
            yield f"{way} gone", mutant
        else:
            inner[way[-1]] = other = chance.choice(others)
            yield f"{way} = {other!r}", mutant


def _ways(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*way, key)
        yield from _ways(item, (*way, key))


COUNT = 400 if os.environ.get("AIVP_TEST_ALL") == "1" else 60


def test_a_plan_with_any_member_changed_is_shown_or_refused(planned: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = in_process(planned, monkeypatch)
    document = json.loads((planned.folder / "plan.json").read_bytes())
    for what, mutant in mutants(document, COUNT):
        planned.put({"mutant.json": json.dumps(mutant)})
        try:
            code, said = run("show", "mutant.json")
        except Exception as error:
            raise AssertionError(what) from error
        assert code == 0 or (code == 4 and "AIVP0505" in said), (what, said)


def test_a_plan_with_any_member_changed_is_refused_though_its_digest_is_given(planned: Place) -> None:
    """A person who confirms a mangled file gets a diagnostic, and an effect only where the file is still a plan."""
    document = json.loads((planned.folder / "plan.json").read_bytes())
    for _, mutant in mutants({"hosts": document["hosts"], "steps": document["steps"]}, COUNT // 8):
        planned.put({"mutant.json": json.dumps({**document, **mutant})})
        planned.aivp("apply", "mutant.json", "--digest", _sha256(planned.folder / "mutant.json"))
        planned.aivp("runs", "abandon")


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


# Evidence


@pytest.fixture
def recorded(calm: Place) -> Place:
    """Evidence lies there."""
    calm.succeed("observe", "-o", "evidence.json")
    return calm


def test_what_is_no_evidence(recorded: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = in_process(recorded, monkeypatch)
    for data in (*GARBAGE[:-2], b'{"evidence":2}', b'{"evidence":1}'):
        recorded.put({"evidence.json": data})
        code, said = run("plan", "--observed", "evidence.json")
        assert (code, "error[AIVP0410]" in said) == (1, True), (data[:20], said)


def test_truncated_evidence_and_that_of_another_project(recorded: Place) -> None:
    body = (recorded.folder / "evidence.json").read_bytes()
    recorded.put({"evidence.json": body[: len(body) // 2]})
    assert recorded.refused("plan", "--observed", "evidence.json").codes == ["AIVP0410"]
    recorded.put({"evidence.json": body.replace(b'"project":"calm"', b'"project":"wild"')})
    assert recorded.refused("plan", "--observed", "evidence.json").codes == ["AIVP0409"]


def test_evidence_with_any_member_changed_is_planned_with_or_refused(
    recorded: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = in_process(recorded, monkeypatch)
    document = json.loads((recorded.folder / "evidence.json").read_bytes())
    for what, mutant in mutants(document, COUNT):
        recorded.put({"mutant.json": json.dumps(mutant)})
        try:
            code, said = run("plan", "--observed", "mutant.json")
        except Exception as error:
            raise AssertionError(what) from error
        assert code == 0 or (code == 1 and "error[AIVP" in said), (what, said)
