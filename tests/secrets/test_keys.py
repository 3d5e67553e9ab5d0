"""Project keys: made once, never overwritten, readable by their owner only."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from aivp.diagnostics import Refused
from aivp.diagnostics.catalogue import SUMMARIES
from aivp.secrets import check_key, keys
from tests.secrets.conftest import everything_about


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "configuration" / "aivp" / "keys"


def refused(code: str) -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, match=code)


def test_folder() -> None:
    assert keys.folder({"XDG_CONFIG_HOME": "/c", "HOME": "/h"}) == Path("/c/aivp/keys")
    assert keys.folder({"XDG_CONFIG_HOME": "", "HOME": "/h"}) == Path("/h/.config/aivp/keys")
    assert keys.folder({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}) == Path("/h/.config/aivp/keys")
    assert keys.folder({}) is None


def test_create(folder: Path) -> None:
    assert keys.load(folder, "lab") is None
    made = keys.create(folder, "lab")
    found = keys.load(folder, "lab")
    assert found is not None
    assert found.id == made
    assert len(found.key) == 32
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "lab.json").stat().st_mode) == 0o600
    assert sorted(os.listdir(folder)) == [".gitignore", "lab.json"]
    assert keys.create(folder, "other") != made


def test_nothing_is_overwritten(folder: Path) -> None:
    keys.create(folder, "lab")
    before = (folder / "lab.json").read_bytes()
    with refused("AIVP0814"):
        keys.create(folder, "lab")
    with refused("AIVP0814"):
        keys.import_key(folder, "lab", json.dumps({"id": "0" * 16, "key": "1" * 64}))
    assert (folder / "lab.json").read_bytes() == before


def test_only_one_of_many_makes_it(folder: Path) -> None:
    made: list[str] = []
    codes: set[str] = set()

    def create() -> None:
        try:
            made.append(keys.create(folder, "lab"))
        except Refused as error:
            codes.add(error.diagnostics[0].code)

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = keys.load(folder, "lab")
    assert found is not None
    assert made == [found.id]
    assert codes == {"AIVP0814"}
    assert sorted(os.listdir(folder)) == [".gitignore", "lab.json"]


def test_a_key_travels_as_its_file(folder: Path, tmp_path: Path) -> None:
    made = keys.create(folder, "lab")
    text = (folder / "lab.json").read_text()
    other = tmp_path / "other"
    assert keys.import_key(other, "lab", text) == made
    assert keys.import_key(other, "lab", text.encode()) == made
    assert keys.load(other, "lab") == keys.load(folder, "lab")


KEY = "ab" * 32
NO_KEYS = ["", "{", KEY, f'{{"key": "{KEY}"}}', f'{{"id": "{"0" * 16}", "key": "{KEY}", "more": 1}}', "[" * 100_000]
NO_KEYS += [json.dumps({"id": id_, "key": key}) for id_, key in [("0" * 15, KEY), ("0" * 16, KEY[1:]), (1, KEY)]]
NO_KEYS += [json.dumps({"id": "0" * 16, "key": KEY.upper()}), json.dumps({"id": "0" * 16, "key": KEY + "\n"})]


@pytest.mark.parametrize("text", NO_KEYS)
def test_what_is_no_key(folder: Path, text: str) -> None:
    with refused("AIVP0815") as caught:
        keys.import_key(folder, "lab", text)
    assert KEY not in everything_about(caught.value).lower()
    assert not folder.exists()
    folder.mkdir(parents=True, mode=0o700)
    (folder / "lab.json").write_text(text)
    (folder / "lab.json").chmod(0o600)
    with refused("AIVP0812") as caught:
        keys.load(folder, "lab")
    assert KEY not in everything_about(caught.value).lower()


@pytest.mark.parametrize("project", ["", "../x", "a/b", ".hidden", "a\0", "a\n", "x" * 200])
def test_a_project_cannot_lead_out_of_the_folder(folder: Path, project: str) -> None:
    for act in (keys.load, keys.create):
        with refused("AIVP0812"):
            act(folder, project)


def test_repr_shows_no_key(folder: Path) -> None:
    keys.import_key(folder, "lab", json.dumps({"id": "0" * 16, "key": KEY}))
    assert repr(keys.load(folder, "lab")) == "ProjectKey(id='0000000000000000')"


def test_access_of_others(folder: Path) -> None:
    keys.create(folder, "lab")
    for path, mode, right in ((folder / "lab.json", 0o640, 0o600), (folder, 0o750, 0o700)):
        path.chmod(mode)
        with refused(f"mode 0{mode:o}"):
            keys.load(folder, "lab")
        path.chmod(right)
    assert keys.load(folder, "lab")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_owner(folder: Path) -> None:
    keys.create(folder, "lab")
    for path in (folder / "lab.json", folder):
        os.chown(path, 12345, -1)
        with refused("belongs to another user"):
            keys.load(folder, "lab")
        os.chown(path, 0, -1)


def test_links_folders_and_pipes_are_no_keys(folder: Path, tmp_path: Path) -> None:
    keys.create(folder, "lab")
    (folder / "linked.json").symlink_to("lab.json")
    (folder / "folder.json").mkdir(mode=0o700)
    os.mkfifo(folder / "pipe.json", 0o600)
    (tmp_path / "keys").symlink_to(folder)
    (tmp_path / "file").touch()
    for project in ("linked", "folder", "pipe"):
        with refused("AIVP0812"):
            keys.load(folder, project)
    for place in ("keys", "file"):
        with refused("AIVP0812"):
            keys.create(tmp_path / place, "lab")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with refused("AIVP0812"):
        keys.create(tmp_path / "file" / "aivp" / "keys", "lab")


def test_git(folder: Path) -> None:
    keys.create(folder, "lab")
    home = folder.parents[1]
    for arguments in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *arguments], cwd=home, check=True)
    assert keys.load(folder, "lab")  # the folder's own .gitignore keeps it out
    subprocess.run(["git", "add", "-f", "aivp/keys/lab.json"], cwd=home, check=True)
    with refused("git tracks"):
        keys.load(folder, "lab")


@pytest.mark.parametrize(
    ("recorded", "found", "words"),
    [
        (None, None, None),
        (None, "a" * 16, None),
        ("a" * 16, "a" * 16, None),
        ("a" * 16, None, "this user has none"),
        ("a" * 16, "b" * 16, f"this user has {'b' * 16}"),
    ],
)
def test_check_key(recorded: str | None, found: str | None, words: str | None) -> None:
    problem = check_key(recorded, found)
    if words is None:
        assert problem is None
    else:
        assert problem is not None
        assert problem.code in SUMMARIES
        assert words in problem.why
        assert "aivp secrets key --import FILE" in problem.mend
