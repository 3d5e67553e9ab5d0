"""aivp image from outside: a catalogue in the project, a real server, a real store on this machine below a folder."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import Shell
from tests.providers.image.download.server import Shop, serving

DATA = os.urandom(3_000_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
ROOT = "aivp: v1\nproject: lab\ninclude: [images.yaml]\nhosts: {here: {transport: local}}\n"
EMPTY = "values: {images: {}}\n"


class Lab:
    """A project's folder, and what a command there says: exit code, output, complaints."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def __call__(self, *words: str) -> tuple[int, str, str]:
        done = self.shell.run(*words)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def write(self, name: str, text: str) -> None:
        (self.shell.folder / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.shell.folder / name).read_text()


@pytest.fixture
def lab(shell: Lab) -> Lab:
    shell.write("aivp.yaml", ROOT)
    shell.write("images.yaml", EMPTY)
    return shell


@pytest.fixture
def shell(tmp_path: Path) -> Lab:
    return Lab(Shell(tmp_path))


def add(lab: Lab, url: str, name: str = "small") -> None:
    assert lab("image", "catalogue", "add", name, url, "--sha256", DIGEST)[0] == 0


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_an_entry_is_written_beside_the_others(lab: Lab) -> None:
    before = f"# ours\nvalues:\n  images:\n    # the old one\n    old: {{path: /a.img, sha256: '{DIGEST}'}}\n"
    lab.write("images.yaml", before)
    code, out, err = lab("image", "catalogue", "add", "new", "https://example.com/a.qcow2", "--sha512", "ab" * 64)
    assert (code, err) == (0, "")
    assert out == "new stands in images.yaml. An image takes it with source: ${values.images.new}\n"
    text = lab.read("images.yaml")
    assert text.startswith(before)
    listed = lines(lab("image", "catalogue", "list", "--json")[1])
    assert [item["name"] for item in listed] == ["new", "old"]
    assert listed[0]["place"] == "https://example.com/a.qcow2"
    assert listed[0]["digest"] == "sha512:" + "ab" * 64


def test_the_first_entry_makes_the_file(shell: Lab) -> None:
    shell.write("aivp.yaml", ROOT.replace("include: [images.yaml]\n", ""))
    out = shell("image", "catalogue", "add", "a", "http://example.com/a", "--sha256", DIGEST)[1]
    assert "Include that file in aivp.yaml: include: [images.yaml]" in out
    shell.write("aivp.yaml", ROOT + 'resources:\n  image.a: {source: "${values.images.a}"}\n')
    assert shell("validate")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["a", "http://x/y"], 1, "--sha256 or --sha512"),
        (["a", "http://x/y", "--sha256", "12"], 1, "AIVP0670"),
        (["a", "ftp://x/y", "--sha256", DIGEST], 1, "AIVP0670"),
        (["A!", "http://x/y", "--sha256", DIGEST], 1, "AIVP0129"),
        (["a", "http://${var.x}/y", "--sha256", DIGEST], 1, "AIVP0670"),
    ],
)
def test_what_is_no_entry(lab: Lab, words: list[str], code: int, said: str) -> None:
    found = lab("image", "catalogue", "add", *words)
    assert found[0] == code
    assert said in found[2]
    assert lab.read("images.yaml") == EMPTY


def test_pull_verify_prune(lab: Lab, tmp_path: Path) -> None:
    shop = Shop(DATA, cut=[1_000_000])
    with serving(shop) as url:
        add(lab, url)
        code, out, err = lab("image", "catalogue", "pull")
        assert (code, out) == (0, "here: small fetched, 3 MiB\n")
        assert "here: fetching http://127.0.0.1" in err
        assert shop.asked == [None, "bytes=1000000-"]
        assert lab("image", "catalogue", "pull", "small")[1] == "here: small was fetched already, 3 MiB\n"
    listed = lab("image", "catalogue", "list", "--host", "here")[1].splitlines()
    assert listed[0].split() == ["NAME", "FORMAT", "DIGEST", "HERE", "FROM"]
    assert "3 MiB" in listed[1]
    assert lab("image", "catalogue", "verify")[1] == "here: small is as it was\n"
    (place,) = (tmp_path / "host").rglob(f"sha256-{DIGEST}")
    place.chmod(0o600)
    place.write_bytes(DATA[:-1])
    code, _, err = lab("image", "catalogue", "verify")
    assert code == 1
    assert "AIVP0673" in err
    assert not place.exists()
    lab.write("images.yaml", EMPTY)
    with serving(Shop(DATA)) as url:
        add(lab, url)
        lab("image", "catalogue", "pull")
    lab.write("images.yaml", EMPTY)
    assert lab("image", "catalogue", "prune", "-y")[1] == f"here: sha256-{DIGEST[:12]} removed, 3 MiB\n"
    assert list((tmp_path / "host").rglob("sha256-*")) == []


def test_one_that_cannot_be_fetched_stops_no_other(lab: Lab) -> None:
    with serving(Shop(DATA)) as url:
        add(lab, url, "right")
        lab("image", "catalogue", "add", "wrong", url, "--sha256", "0" * 64)
        code, out, err = lab("image", "catalogue", "pull")
    assert code == 1
    assert out == "here: right fetched, 3 MiB\n"
    assert "AIVP0672" in err
    assert "wrong: here:" in err


def test_images_in_use_stay(lab: Lab, tmp_path: Path) -> None:
    """Declared, used by a VM, or open in a process: none of these is removed; what is none of them is."""
    disk = tmp_path / "a.img"
    disk.write_bytes(DATA)
    lab.write("aivp.yaml", ROOT + f"resources:\n  image.small: {{source: {{path: {disk}, sha256: {DIGEST}}}}}\n")
    assert lab("apply", "-y")[0] == 0
    (item,) = lines(lab("image", "list", "--json")[1])
    assert (item["names"], item["users"], item["format"]) == (["small"], [], "raw")
    store = next((tmp_path / "host").rglob(item["digest"] + "/image.json")).parent
    name = store.parents[1] / "names" / "small.json"
    assert f"{item['digest'][:12]} stays: declared as small" in lab("image", "prune", "-y")[1]
    name.unlink()
    (store / "users" / "vm.web1").touch()
    assert "stays: used by vm.web1" in lab("image", "prune", "-y")[1]
    (store / "users" / "vm.web1").unlink()
    holder = subprocess.Popen(["sleep", "60"], stdin=(store / "disk.raw").open("rb"))
    try:
        time.sleep(0.1)
        assert "stays: opened by a process" in lab("image", "prune", "-y")[1]
    finally:
        holder.kill()
        holder.wait()
    assert "removed" in lab("image", "prune", "-y")[1]
    assert lab("image", "list")[1] == "here: no images\n"


def test_a_tampered_image_is_found(lab: Lab, tmp_path: Path) -> None:
    disk = tmp_path / "a.img"
    disk.write_bytes(DATA)
    lab.write("aivp.yaml", ROOT + f"resources:\n  image.small: {{source: {{path: {disk}}}}}\n")
    assert lab("apply", "-y")[0] == 0
    (found,) = (tmp_path / "host").rglob("disk.raw")
    found.chmod(0o600)
    found.write_bytes(b"x" + DATA[1:])
    code, _, err = lab("image", "verify")
    assert code == 1
    assert "disk.raw is not what it was when the image was made" in err
    assert lab("apply", "-y")[0] == 0
    assert next((tmp_path / "host").rglob("disk.raw")).read_bytes() == DATA


def test_nothing_of_a_strangers_project_is_fetched(lab: Lab) -> None:
    add(lab, "http://127.0.0.1:9/x")
    code, _, err = lab("image", "catalogue", "pull", "--untrusted")
    assert code == 1
    assert "AIVP0503" in err


def test_over_any_channel(lab: Lab) -> None:
    """The command of a channel is the person's own; the program there is ours."""
    channel = "[sh, -c, 'exec \"$@\"', sh]"
    lab.write("aivp.yaml", ROOT.replace("transport: local", f"transport: exec, command: {channel}"))
    with serving(Shop(DATA)) as url:
        add(lab, url)
        assert lab("image", "catalogue", "pull")[1] == "here: small fetched, 3 MiB\n"
    lab.write("aivp.yaml", ROOT.replace("transport: local", "transport: exec, command: ['false']"))
    code, _, err = lab("image", "list")
    assert code == 1
    assert "AIVP0601" in err


def test_images_of_what_the_same_plan_makes(lab: Lab, tmp_path: Path) -> None:
    """A command makes a disk, an image is made of that, another one of that image's disk: one apply, then nothing."""
    (tmp_path / "a.img").write_bytes(DATA)
    lab.write(
        "aivp.yaml",
        ROOT
        + "resources:\n"
        + f"  command.fetch: {{argv: [cp, {tmp_path}/a.img, {tmp_path}/b.img], creates: {tmp_path}/b.img}}\n"
        + f"  image.first: {{source: {{path: {tmp_path}/b.img}}, depends_on: [command.fetch]}}\n"
        + '  image.second: {source: {path: "${image.first.path}/disk.raw"}}\n',
    )
    assert "image.second@here: not there yet  (deferred)" in lab("plan")[1]
    assert lab("apply", "-y")[0] == 0
    assert lab("plan", "--detailed-exitcode")[0] == 0
    assert len(lines(lab("image", "list", "--json")[1])) == 1  # the same disk, made in the same way, is the same image
    assert lab("destroy", "-y")[0] == 0
    assert lab("image", "list")[1] == "here: no images\n"
