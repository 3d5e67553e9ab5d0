"""From a layout to an image in the store: the disk holds what layers say, whoever builds it. Bad ones leave nothing."""

from __future__ import annotations

import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aivp_image.provider import PROVIDER
from aivp_sdk.testing import Failed, Harness

from tests.providers.image.oci.layouts import PLAIN, entry, folder, hard, image, layer, symlink

MACHINE = platform.machine()
DISK = {"size": 64 * 1024 * 1024, "format": "raw"}
CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00" + bytes(12)
ROOT = layer(
    folder("./", mode=0o755),
    folder("usr/bin"),
    symlink("bin", "usr/bin"),
    folder("sbin"),
    entry("usr/bin/python3", b"#!fake", mode=0o755),
    hard("usr/bin/python3.11", "usr/bin/python3"),
    entry("usr/bin/ping", b"ping", mode=0o755, pax={"SCHILY.xattr.security.capability": CAPABILITY}),
    entry("bin/su", b"su", mode=0o4755, uid=0, gid=7),
    entry("home/ann/.profile", b"hello\n", mode=0o600, uid=1000, gid=1001, mtime=1_234_567_890),
    entry(b"caf\xe9", b"x"),
    entry("large", os.urandom(300_000)),
    entry("pipe", kind=b"6", mode=0o620),
    folder("tmp", mode=0o1777),
)


def kernel(place: Path) -> str:
    """The folder of an image with a kernel."""
    import hashlib

    place.mkdir()
    files = {"vmlinuz": b"kernel", "initrd": gzip.compress(b"initrd")}
    for name, data in files.items():
        (place / name).write_bytes(data)
    parts = {name: {"file": name, "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    record = {
        "version": 1,
        "digest": "sha256:" + "0" * 64,
        "architecture": MACHINE,
        "disk": None,
        "kernel": parts["vmlinuz"],
        "initrd": parts["initrd"],
        "cmdline": "root=LABEL=x ro quiet init=/x",
        "firmware": False,
        "helper": False,
        "cloud_init": False,
        "about": {"kernel": "6.1"},
    }
    (place / "image.json").write_text(json.dumps(record))
    return str(place)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    with Harness(PROVIDER, {"folder": str(tmp_path / "images")}) as found:
        yield found


@pytest.fixture
def declared(tmp_path: Path) -> dict[str, Any]:
    layout = image(tmp_path / "layout", [ROOT])
    return {"name": "a", "oci": {"path": str(layout), "kernel": kernel(tmp_path / "kernel")}, "disk": DISK}


def debugfs(disk: str, *commands: str) -> str:
    argv = ["debugfs", "-f", "/dev/stdin", disk]
    told = subprocess.run(argv, input="\n".join(commands).encode(), capture_output=True, check=True, timeout=60)
    return told.stdout.decode(errors="replace")


def check_disk(disk: str) -> None:
    """Everything that a guest would see of it."""
    subprocess.run(["e2fsck", "-f", "-n", disk], check=True, capture_output=True, timeout=60)
    seen = {name: debugfs(disk, f"stat {name}") for name in ("/usr/bin/su", "/home/ann/.profile", "/pipe", "/tmp", "/")}
    assert "Mode:  04755" in seen["/usr/bin/su"]
    assert "Group:     7" in seen["/usr/bin/su"]
    assert "User:  1000   Group:  1001" in seen["/home/ann/.profile"]
    assert "Mode:  0600" in seen["/home/ann/.profile"]
    assert "2009" in seen["/home/ann/.profile"]
    assert "FIFO" in seen["/pipe"]
    assert "Mode:  01777" in seen["/tmp"]
    assert "User:     0   Group:     0" in seen["/"]
    assert "Links: 2" in debugfs(disk, "stat /usr/bin/python3")
    assert debugfs(disk, "ea_get /usr/bin/ping security.capability -x").count("00 20") == 1
    assert "hello" in debugfs(disk, "cat /home/ann/.profile")
    assert "Type: symlink" in debugfs(disk, "stat /bin")


def test_a_disk_and_a_kernel(harness: Harness, declared: dict[str, Any]) -> None:
    made = harness.apply("image", declared)
    folder = Path(made.outputs["path"])
    record = json.loads((folder / "image.json").read_text())
    assert sorted(path.name for path in folder.iterdir()) == ["disk.raw", "image.json", "initrd", "users", "vmlinuz"]
    assert record["cmdline"] == "root=/dev/vda rw console=ttyS0 panic=5 quiet init=/usr/lib/aivp/init"
    assert (record["disk"]["format"], record["disk"]["size"]) == ("raw", DISK["size"])
    assert (record["helper"], record["about"]["kernel"]) == (True, "6.1")
    check_disk(str(folder / "disk.raw"))
    assert "guest-helper" in debugfs(str(folder / "disk.raw"), "ls /usr/lib/aivp")
    assert "exec /usr/bin/python3 -I" in debugfs(str(folder / "disk.raw"), "cat /usr/lib/aivp/init")
    assert harness.plan("image", declared).action == "no-op"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(shutil.which("fakeroot") is None, reason="fakeroot is not installed")
def test_the_same_by_somebody_who_is_not_root(tmp_path: Path, declared: dict[str, Any]) -> None:
    """Owners, setuid bits and capabilities that nobody but root could give are on the disk all the same."""
    work = tmp_path / "nobody"
    work.mkdir()
    os.chown(work, 65534, 65534)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == 0 and str(parent) not in ("/", "/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    script = (
        "import json,sys\nfrom aivp_sdk.testing import Harness\nfrom aivp_image.provider import PROVIDER\n"
        f"with Harness(PROVIDER, {{'folder': {str(work)!r}}}) as h:\n"
        f"    print(h.create('image', json.loads({json.dumps(json.dumps(declared))})).outputs['path'])\n"
    )
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script]
    env = {**os.environ, "PYTHONPATH": ":".join(sys.path), "HOME": str(work), "TMPDIR": str(work)}
    told = subprocess.run(argv, capture_output=True, text=True, env=env, cwd=work, timeout=120, check=False)
    assert told.returncode == 0, told.stderr
    check_disk(f"{told.stdout.strip()}/disk.raw")
    assert os.stat(f"{told.stdout.strip()}/disk.raw").st_uid == 65534


def test_a_changed_layout_is_another_image(harness: Harness, declared: dict[str, Any], tmp_path: Path) -> None:
    first = harness.apply("image", declared).outputs["path"]
    shutil.rmtree(tmp_path / "layout")
    image(tmp_path / "layout", [ROOT, layer(entry("more", b"x"))])
    planned = harness.plan("image", declared)
    assert planned.action == "update"
    assert [change.path for change in planned.changes] == ["/oci/digest"]
    assert harness.apply("image", declared).outputs["path"] != first


def test_a_layout_that_comes_later_and_goes_again(harness: Harness, declared: dict[str, Any], tmp_path: Path) -> None:
    """A command may copy it first; and once the image is made, nobody needs it."""
    (tmp_path / "layout").rename(tmp_path / "away")
    assert harness.plan("image", declared).action == "create"
    (tmp_path / "away").rename(tmp_path / "layout")
    harness.create("image", declared)
    shutil.rmtree(tmp_path / "layout")
    assert harness.plan("image", declared).action == "no-op"
    with pytest.raises(Failed, match="cannot be opened"):
        harness.apply("image", {**declared, "oci": {**declared["oci"], "tag": "another"}})


def left_in(place: Path) -> list[str]:
    store = place / "images" / "store"
    found = [path for path in store.rglob("*") if path.is_file() or path.parent.name in ("store", ".drafts")]
    return [str(path.relative_to(store)) for path in found if ".locks" not in path.parts and path.name[0] != "."]


def test_a_hostile_layer_leaves_nothing(harness: Harness, declared: dict[str, Any], tmp_path: Path) -> None:
    image(tmp_path / "bad", [ROOT, layer(entry("../../evil", b"x"))])
    with pytest.raises(Failed, match=r"layer 2 of 2 .* is refused: ../../evil has `\.\.` in it") as caught:
        harness.apply("image", {**declared, "oci": {**declared["oci"], "path": str(tmp_path / "bad")}})
    assert caught.value.error["class"] == "permanent"
    assert left_in(tmp_path) == []


def test_what_does_not_fit_leaves_nothing(harness: Harness, declared: dict[str, Any], tmp_path: Path) -> None:
    image(tmp_path / "big", [ROOT, layer(*(entry(f"f{n}", os.urandom(1 << 20)) for n in range(62)))], media_type=PLAIN)
    with pytest.raises(Failed, match="writing the file system failed") as caught:
        harness.apply("image", {**declared, "oci": {**declared["oci"], "path": str(tmp_path / "big")}})
    assert "larger disk" in str(caught.value.error["mend"])
    assert left_in(tmp_path) == []


def test_more_than_its_disk_is_not_even_unpacked(harness: Harness, declared: dict[str, Any], tmp_path: Path) -> None:
    image(tmp_path / "big", [ROOT, layer(*(entry(f"f{n}", os.urandom(1 << 20)) for n in range(70)))], media_type=PLAIN)
    with pytest.raises(Failed, match="hold more than 67108864 bytes, at f6") as caught:
        harness.apply("image", {**declared, "oci": {**declared["oci"], "path": str(tmp_path / "big")}})
    assert "disk: {size" in str(caught.value.error["mend"])
    assert left_in(tmp_path) == []


def test_without_python_there_is_no_helper(harness: Harness, declared: dict[str, Any], tmp_path: Path) -> None:
    image(tmp_path / "bare", [layer(entry("bin/sh", b"#!", mode=0o755))])
    bare = {**declared, "oci": {**declared["oci"], "path": str(tmp_path / "bare")}}
    with pytest.raises(Failed, match="no python3"):
        harness.apply("image", bare)
    with pytest.raises(Failed, match="neither /sbin/init nor systemd"):
        harness.apply("image", {**bare, "oci": {**bare["oci"], "helper": False}})
    with pytest.raises(Failed, match="no /bin/bash in"):
        harness.apply("image", {**bare, "oci": {**bare["oci"], "helper": False, "init": "/bin/bash"}})
    made = harness.apply("image", {**bare, "oci": {**bare["oci"], "helper": False, "init": "/bin/sh"}})
    record = json.loads(Path(made.outputs["path"], "image.json").read_text())
    assert record["cmdline"].endswith("init=/bin/sh")
    assert record["helper"] is False


def test_the_helper_goes_where_the_layers_links_lead_inside(
    harness: Harness, declared: dict[str, Any], tmp_path: Path
) -> None:
    """A layer that makes of the helper's folder a link to outside of the image is refused like any other."""
    image(tmp_path / "bad", [ROOT, layer(symlink("usr/lib", "../../.."))])
    with pytest.raises(Failed, match="out of the image"):
        harness.apply("image", {**declared, "oci": {**declared["oci"], "path": str(tmp_path / "bad")}})
    image(tmp_path / "moved", [ROOT, layer(folder("opt/lib"), symlink("usr/lib", "/opt/lib"))])
    made = harness.apply("image", {**declared, "oci": {**declared["oci"], "path": str(tmp_path / "moved")}})
    assert "guest-helper" in debugfs(f"{made.outputs['path']}/disk.raw", "ls /opt/lib/aivp")


def test_a_damaged_kernel_is_not_taken(harness: Harness, declared: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "kernel" / "vmlinuz").write_bytes(b"evil")
    with pytest.raises(Failed, match="is damaged: vmlinuz is not what it was"):
        harness.apply("image", declared)
    assert left_in(tmp_path) == []


def test_a_kernel_in_the_layers(harness: Harness, declared: dict[str, Any], tmp_path: Path) -> None:
    boot = layer(
        entry("boot/vmlinuz-6.1.0-9", b"old"), entry("boot/initrd.img-6.1.0-9", b"i9"), entry("boot/config", b"")
    )
    image(tmp_path / "with", [ROOT, boot])
    made = harness.apply("image", {**declared, "oci": {"path": str(tmp_path / "with")}})
    assert Path(made.outputs["path"], "initrd").read_bytes() == b"i9"
    assert made.outputs["kernel"] == "6.1.0-9"
    image(tmp_path / "without", [ROOT])
    with pytest.raises(Failed, match="the layers hold no kernel"):
        harness.apply("image", {**declared, "oci": {"path": str(tmp_path / "without")}})


def test_a_root_in_memory(harness: Harness, declared: dict[str, Any], tmp_path: Path) -> None:
    """As an archive for the kernel that GNU cpio reads, too; the same bytes each time."""
    boot = layer(entry("boot/vmlinuz-6.1.0-9", b"old"))
    image(tmp_path / "with", [ROOT, boot])
    wanted = {"name": "r", "oci": {"path": str(tmp_path / "with"), "root": "initramfs"}}
    made = harness.apply("image", wanted)
    record = json.loads(Path(made.outputs["path"], "image.json").read_text())
    assert (record["disk"], record["initrd"]["file"]) == (None, "initrd")
    data = gzip.decompress(Path(made.outputs["path"], "initrd").read_bytes())
    assert data.count(b"070701") >= 15
    assert b"TRAILER!!!" in data
    assert b"home/ann/.profile" in data
