"""The guard of docs/protocol/compatibility.md: a published file that is marked released never changes again."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
RECORD = "schemas/releases.json"

Files = Mapping[str, Mapping[str, str]]


def broken(earlier: Files, now: Files, contents: Mapping[str, bytes]) -> list[str]:
    """What breaks the policy. `contents`: the published files as they are, by name."""
    found = [f"{name} is not in {RECORD}" for name in sorted(set(contents) - set(now))]
    for name, entry in sorted(now.items()):
        if entry["state"] not in ("draft", "released"):
            found.append(f"{name} is neither draft nor released")
        if name not in contents:
            found.append(f"{name} is gone")
        elif entry["state"] == "released" and hashlib.sha256(contents[name]).hexdigest() != entry.get("sha256"):
            found.append(f"{name} is released, and was edited")
    for name, entry in sorted(earlier.items()):
        if entry["state"] == "released" and now.get(name) != entry:
            found.append(f"{name} was released, and its entry in {RECORD} changed")
    return found


def released(content: bytes) -> dict[str, str]:
    return {"state": "released", "sha256": hashlib.sha256(content).hexdigest()}


def read(text: str) -> Any:
    return json.loads(text)["files"]


def test_released_files_are_as_they_were() -> None:
    now = read((ROOT / RECORD).read_text("utf-8"))
    paths = [path for path in (ROOT / "schemas").rglob("*.json") if path != ROOT / RECORD]
    contents = {path.relative_to(ROOT / "schemas").as_posix(): path.read_bytes() for path in paths}
    assert broken({}, now, contents) == []
    for earlier in history():
        assert broken(earlier, now, contents) == []


def history() -> list[Files]:
    """Every version of the record in git's history; none in a source archive, which has no history."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git history here: earlier releases cannot be compared")
    git = ["git", "-C", str(ROOT)]
    commits = subprocess.run([*git, "log", "--format=%H", "--", RECORD], capture_output=True, text=True, check=True)
    texts = [
        subprocess.run([*git, "show", f"{commit}:{RECORD}"], capture_output=True, text=True, check=True).stdout
        for commit in commits.stdout.split()
    ]
    return [read(text) for text in texts]


DRAFT = {"state": "draft"}


@pytest.mark.parametrize(
    ("earlier", "now", "content", "says"),
    [
        ({}, {"a.json": DRAFT}, b"{}", None),
        ({"a.json": DRAFT}, {"a.json": released(b"{}")}, b"{}", None),
        ({}, {"a.json": released(b"{}")}, b"{ }", "was edited"),
        ({"a.json": released(b"{}")}, {"a.json": released(b"{ }")}, b"{ }", "its entry"),
        ({"a.json": released(b"{}")}, {"a.json": DRAFT}, b"{ }", "its entry"),
        ({"a.json": released(b"{}")}, {}, b"{}", "its entry"),
        ({}, {}, b"{}", "is not in"),
    ],
)
def test_the_guard(earlier: Files, now: Files, content: bytes, says: str | None) -> None:
    found = broken(earlier, now, {"a.json": content})
    assert bool(found) == (says is not None)
    assert says is None or any(says in item for item in found)
