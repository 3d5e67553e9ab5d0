"""Disks from files and addresses as images: exactly what was declared, and no qcow2 that reads files of this host."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aivp_image.provider import PROVIDER
from aivp_sdk.testing import Failed, Harness

from tests.providers.image.download.server import Shop, serving

MIB = 1024 * 1024


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    with Harness(PROVIDER, {"folder": str(tmp_path / "images")}) as found:
        yield found


def img(*argv: str | Path) -> str:
    return subprocess.run(["qemu-img", *map(str, argv)], check=True, capture_output=True, text=True, timeout=60).stdout


def raw(path: Path, size: int = 8 * MIB) -> Path:
    path.write_bytes(os.urandom(MIB) + bytes(size - 2 * MIB) + os.urandom(MIB))
    return path


def qcow2(path: Path, *options: str) -> Path:
    img("convert", "-O", "qcow2", *options, raw(path.with_suffix(".raw")), path)
    return path


def sha(path: Path, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


def declared(path: Path, **more: Any) -> dict[str, Any]:
    return {"name": "disk", "source": {"path": str(path), **more}}


def record(outputs: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(outputs["path"], "image.json").read_text())
    return found


def left_in(place: Path) -> list[str]:
    store = place / "images" / "store"
    found = [path for path in store.rglob("*") if path.is_file() or path.parent.name in ("store", ".drafts")]
    return [str(path.relative_to(store)) for path in found if ".locks" not in path.parts and path.name[0] != "."]


def test_a_raw_disk_as_it_is(harness: Harness, tmp_path: Path) -> None:
    disk = raw(tmp_path / "a.img")
    made = harness.create("image", declared(disk, sha256=f"sha256:{sha(disk)}"))
    found = record(made.outputs)
    assert found["disk"] == {"file": "disk.raw", "sha256": sha(disk), "format": "raw", "size": 8 * MIB}
    assert (found["firmware"], found["cloud_init"], found["helper"], found["kernel"]) == (True, True, False, None)
    assert Path(made.outputs["path"], "disk.raw").stat().st_blocks * 512 < 4 * MIB  # its holes are holes
    assert harness.plan("image", declared(disk, sha256=f"sha256:{sha(disk)}")).action == "no-op"


def test_a_qcow2_as_it_is(harness: Harness, tmp_path: Path) -> None:
    disk = qcow2(tmp_path / "a.qcow2", "-c", "-o", "compression_type=zstd")
    made = harness.create("image", declared(disk, sha512=sha(disk, "sha512"), format="qcow2"))
    assert record(made.outputs)["disk"]["sha256"] == sha(disk)
    assert made.outputs["size"] == 8 * MIB


def test_another_form_and_size(harness: Harness, tmp_path: Path) -> None:
    disk = raw(tmp_path / "a.img")
    made = harness.create("image", {**declared(disk), "disk": {"size": "16MiB", "format": "qcow2"}})
    path = Path(made.outputs["path"], "disk.qcow2")
    assert json.loads(img("info", "--output=json", path))["virtual-size"] == 16 * MIB
    img("compare", "-f", "raw", "-F", "qcow2", disk, path)


def test_no_disk_gets_smaller(harness: Harness, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be made smaller") as caught:
        harness.create("image", {**declared(raw(tmp_path / "a.img", 80 * MIB)), "disk": {"size": "64MiB"}})
    assert caught.value.error["path"] == "/disk/size"
    assert left_in(tmp_path) == []


def test_other_bytes_than_declared(harness: Harness, tmp_path: Path) -> None:
    disk = raw(tmp_path / "a.img")
    digest = sha(disk)
    with disk.open("r+b") as file:
        file.seek(5000)
        file.write(b"evil")
    with pytest.raises(Failed, match="another sha256 than it should"):
        harness.create("image", declared(disk, sha256=digest))
    assert left_in(tmp_path) == []


def test_a_file_without_a_digest_is_watched(harness: Harness, tmp_path: Path) -> None:
    disk = raw(tmp_path / "a.img")
    harness.create("image", declared(disk))
    assert harness.plan("image", declared(disk)).action == "no-op"
    raw(disk)
    planned = harness.plan("image", declared(disk))
    assert [change.path for change in planned.changes] == ["/source/sha256"]
    assert record(harness.apply("image", declared(disk)).outputs)["disk"]["sha256"] == sha(disk)


def test_a_file_that_comes_later_and_goes_again(harness: Harness, tmp_path: Path) -> None:
    """Something earlier in a plan may make it; and once the image is made, nobody needs it."""
    disk = tmp_path / "a.img"
    assert harness.plan("image", declared(disk)).action == "create"
    assert any("is not there yet" in str(note.get("message")) for note in harness.notes)
    raw(disk)
    harness.create("image", declared(disk))
    disk.unlink()
    assert harness.plan("image", declared(disk)).action == "no-op"
    assert harness.plan("image", declared(tmp_path / "b.img")).action == "update"


def test_a_file_that_is_not_there(harness: Harness, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be read: No such file"):
        harness.create("image", declared(tmp_path / "none"))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({}, "either a `path` or a `url`"),
        ({"path": "/a", "url": "http://a/b"}, "either a `path` or a `url`"),
        ({"url": "http://a/b"}, "needs a digest"),
        ({"path": "/a", "sha256": "0" * 64, "sha512": "0" * 128}, "one digest"),
        ({"path": "/a", "initrd": "/b"}, "goes with a kernel"),
    ],
)
def test_what_makes_no_source(harness: Harness, source: dict[str, str], why: str) -> None:
    with pytest.raises(Failed, match=why):
        harness.observe("image", {"name": "a", "source": source})


def test_over_http(harness: Harness, tmp_path: Path) -> None:
    disk = qcow2(tmp_path / "a.qcow2")
    shop = Shop(disk.read_bytes(), cut=[1_000_000])
    with serving(shop) as url:
        wanted = {"name": "disk", "source": {"url": url, "sha256": sha(disk)}}
        made = harness.create("image", wanted)
        assert record(made.outputs)["disk"]["sha256"] == sha(disk)
        assert shop.asked == [None, "bytes=1000000-"]
        assert harness.plan("image", wanted).action == "no-op"
    said = [note for note in harness.notes if note["method"] == "progress"]
    assert any("fetching http://127.0.0.1" in str(note["message"]) for note in said)


def test_a_truncated_download_leaves_nothing(harness: Harness, tmp_path: Path) -> None:
    disk = raw(tmp_path / "a.img")
    with serving(Shop(disk.read_bytes()[:-5])) as url, pytest.raises(Failed, match="another sha256"):
        harness.create("image", {"name": "disk", "source": {"url": url, "sha256": sha(disk)}})
    assert left_in(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small file system")
@pytest.mark.parametrize("step", ["fetching", "copying"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, step: str) -> None:
    """In a store of 6 MiB, in a mount namespace of its own: the download does not fit, or its copy does not."""
    data = os.urandom(8 * MIB if step == "fetching" else 4 * MIB)
    program = (
        "import json,os,sys\nfrom aivp_sdk.testing import Failed, Harness\nfrom aivp_image.provider import PROVIDER\n"
        "wanted = {'name': 'a', 'source': {'url': sys.argv[1], 'sha256': sys.argv[2]}}\n"
        "with Harness(PROVIDER, {'folder': sys.argv[3]}) as h:\n"
        "    try:\n        h.create('image', wanted)\n"
        "    except Failed as e:\n        print(json.dumps([e.error, os.listdir(sys.argv[3] + '/store')]))\n"
    )
    script = f'mkdir {tmp_path}/s && mount -t tmpfs -o size=6m none {tmp_path}/s && exec "$@"'
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", program]
    with serving(Shop(data)) as url:
        argv += [url, hashlib.sha256(data).hexdigest(), str(tmp_path / "s")]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    error, left = json.loads(done.stdout)
    assert "no space is left for the image" in error["message"]
    assert "aivp image prune" in error["mend"]
    assert [name for name in left if not name.startswith(".")] == []


def test_the_whole_disk_beneath_is_not_read(harness: Harness, tmp_path: Path) -> None:
    """A qcow2 whose base is a file of this host would show it to its guest."""
    (tmp_path / "secret").write_bytes(b"hunter2".ljust(MIB))
    img("create", "-f", "qcow2", "-b", tmp_path / "secret", "-F", "raw", tmp_path / "a.qcow2")
    with pytest.raises(Failed, match="lies on top of another file"):
        harness.create("image", declared(tmp_path / "a.qcow2"))
    with pytest.raises(Failed, match="lies on top of another file"):
        harness.create("image", {**declared(tmp_path / "a.qcow2"), "disk": {"size": "64MiB", "format": "raw"}})
    assert left_in(tmp_path) == []


def test_data_in_another_file(harness: Harness, tmp_path: Path) -> None:
    img("create", "-f", "qcow2", "-o", f"data_file={tmp_path / 'data'},data_file_raw=on", tmp_path / "a.qcow2", "8M")
    with pytest.raises(Failed, match="keeps its data in another file"):
        harness.create("image", declared(tmp_path / "a.qcow2"))


def test_an_encrypted_one(harness: Harness, tmp_path: Path) -> None:
    options = [
        "--object",
        "secret,id=s,data=hunter2",
        "-o",
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
    ]
    img("create", "-f", "qcow2", *options, tmp_path / "a.qcow2", "8M")
    with pytest.raises(Failed, match="is encrypted"):
        harness.create("image", declared(tmp_path / "a.qcow2"))


def _patched(path: Path, offset: int, form: str, value: int) -> Path:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack(form, value))
    return path


@pytest.mark.parametrize(
    ("offset", "form", "value", "why"),
    [
        (0, ">I", 0, "no qcow2"),
        (4, ">I", 9, "version 9"),
        (8, ">Q", 600, "lies on top of another file"),
        (20, ">I", 63, "clusters of no size"),
        (24, ">Q", 0, "says that it has 0 bytes"),
        (24, ">Q", 2**63, "bytes"),
        (32, ">I", 1, "is encrypted"),
        (72, ">Q", 2, "damaged"),
        (72, ">Q", 4, "keeps its data in another file"),
        (72, ">Q", 1 << 40, "features that nobody here knows"),
    ],
)
def test_a_header_that_lies(harness: Harness, tmp_path: Path, offset: int, form: str, value: int, why: str) -> None:
    disk = _patched(qcow2(tmp_path / "a.qcow2"), offset, form, value)
    with pytest.raises(Failed, match=why):
        harness.create("image", declared(disk, format="qcow2"))
    assert left_in(tmp_path) == []


def test_a_qcow2_declared_raw_stays_raw(harness: Harness, tmp_path: Path) -> None:
    """Its guest writes what it likes there; nobody looks for a header in it."""
    img("create", "-f", "qcow2", "-b", "/etc/hostname", "-F", "raw", "-u", tmp_path / "a.img", "8M")
    made = harness.create("image", declared(tmp_path / "a.img", format="raw"))
    assert record(made.outputs)["disk"]["format"] == "raw"


def test_a_kernel_beside_it(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    (tmp_path / "initrd").write_bytes(b"initrd")
    source = declared(raw(tmp_path / "a.img"), kernel=str(tmp_path / "vmlinuz"), initrd=str(tmp_path / "initrd"))
    found = record(harness.create("image", {**source, "cmdline": ["root=/dev/vda1"]}).outputs)
    assert (found["kernel"]["file"], found["initrd"]["file"], found["firmware"]) == ("kernel", "initrd", False)
    assert found["cmdline"] == "console=ttyS0 root=/dev/vda1"
    (tmp_path / "initrd").write_bytes(b"another")
    assert harness.plan("image", {**source, "cmdline": ["root=/dev/vda1"]}).action == "no-op"
