"""What is put into a root beside its packages."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from aivp_image.debian_inside import SCRIPT, inside
from aivp_image.declaration import Account, Debian, File, Hook
from aivp_image.guest_helper import HelperFile

HASH = "$6$salt$" + "x" * 86
DEBIAN = Debian(
    suite="bookworm",
    users=[
        Account("ann", password=HASH, ssh_keys=["ssh-ed25519 AAAA ann"], sudo=True, groups=["video"]),
        Account("root"),
    ],
    files=[
        File("/etc/motd", content="hello\n", mode="0600", owner="ann"),
        File("/etc/other", link="motd"),
        File("/srv/d"),
    ],
    hooks=[Hook(argv=["touch", "a b"]), Hook(shell="exit 3")],
)
HELPER = [HelperFile("/usr/lib/aivp/guest-helper", 0o755, b"helper"), HelperFile("/etc/wants", 0, b"/usr/lib/unit")]


def opened(data: bytes) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
        files = {member.name: tar.extractfile(member) if member.isfile() else None for member in members}
        return {member.name: (member, file.read() if (file := files[member.name]) else b"") for member in members}


def outer() -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    return opened(inside(DEBIAN, ["deb http://mirror bookworm main"], HELPER, "/dev/vda / ext4 defaults 0 1\n"))


def test_files_have_owner_mode_and_content() -> None:
    found = opened(outer()[".aivp/overlay.tar"][1])
    motd, text = found["etc/motd"]
    assert (motd.uname, motd.gname, motd.mode, text) == ("ann", "ann", 0o600, b"hello\n")
    assert found["etc/other"][0].linkname == "motd"
    assert found["srv/d"][0].isdir()
    assert found["usr/lib/aivp/guest-helper"][0].mode == 0o755
    assert found["etc/wants"][0].linkname == "/usr/lib/unit"
    keys, text = found["home/ann/.ssh/authorized_keys"]
    assert (keys.uname, keys.mode, text) == ("ann", 0o600, b"ssh-ed25519 AAAA ann\n")
    assert found["etc/sudoers.d/aivp-ann"][1] == b"ann ALL=(ALL:ALL) NOPASSWD: ALL\n"
    assert found["etc/apt/sources.list"][1] == b"deb http://mirror bookworm main\n"


def test_a_password_is_in_no_argv() -> None:
    found = outer()
    assert found[".aivp/passwords"][1] == f"ann:{HASH}\n".encode()
    assert HASH.encode() not in found[SCRIPT.lstrip("/")][1]


def test_the_script_can_be_read_and_says_which_hook_failed(tmp_path: Path) -> None:
    script = tmp_path / "inside.sh"
    script.write_bytes(outer()[SCRIPT.lstrip("/")][1])
    subprocess.run(["/bin/sh", "-n", str(script)], check=True)
    text = script.read_text()
    assert "touch 'a b'" in text
    assert "/bin/sh -eu /.aivp/hook-1" in text
    assert "useradd --create-home --user-group --shell /bin/bash ann" in text
    assert "useradd --create-home --user-group --shell /bin/bash root" not in text


def test_the_same_declaration_gives_the_same_bytes() -> None:
    assert inside(DEBIAN, [], HELPER, "") == inside(DEBIAN, [], HELPER, "")


def test_the_settings_of_apt_stay_until_mmdebstrap_is_done() -> None:
    """Without them its last `apt-get update` would empty the lists of the host."""
    assert "/tmp" not in outer()[SCRIPT.lstrip("/")][1].decode()
