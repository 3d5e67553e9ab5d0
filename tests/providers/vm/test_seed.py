"""The seed of cloud-init: what it says, and that an ISO really holds it."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pycdlib
import pytest
from aivp_sdk import Permanent
from aivp_vm import seed
from aivp_vm.declaration import CloudInit, SeedFile, User

LINK = {
    "mac": "52:54:00:00:00:01",
    "addresses": ["10.77.0.5/24", "fd00::5/64"],
    "gateway": "10.77.0.1",
    "gateway6": "fd00::1",
    "dns": ["10.77.0.1"],
}


def test_network_is_told_by_hardware_address() -> None:
    assert seed.network_config([LINK, {"mac": "52:54:00:00:00:02", "addresses": [], "dns": []}]) == {
        "version": 2,
        "ethernets": {
            "card0": {
                "match": {"macaddress": "52:54:00:00:00:01"},
                "addresses": ["10.77.0.5/24", "fd00::5/64"],
                "routes": [{"to": "0.0.0.0/0", "via": "10.77.0.1"}, {"to": "::/0", "via": "fd00::1"}],
                "nameservers": {"addresses": ["10.77.0.1"]},
            },
            "card1": {"match": {"macaddress": "52:54:00:00:00:02"}, "addresses": []},
        },
    }


def test_all_fields_are_told() -> None:
    wanted = CloudInit(
        users=[User(name="ann", keys=["ssh-ed25519 AAAA ann"], sudo=True, groups=["adm"], password_hash="$6$x")],
        keys=["ssh-ed25519 BBBB all"],
        files=[SeedFile(path="/etc/motd", content="hello\n", owner="root:root")],
        run=["touch /ran"],
        packages=["curl"],
        extra={"timezone": "UTC"},
    )
    assert seed.user_data(wanted) == {
        "users": [
            "default",
            {
                "name": "ann",
                "lock_passwd": False,
                "passwd": "$6$x",
                "shell": "/bin/bash",
                "groups": ["adm"],
                "ssh_authorized_keys": ["ssh-ed25519 AAAA ann"],
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
            },
        ],
        "ssh_authorized_keys": ["ssh-ed25519 BBBB all"],
        "write_files": [{"path": "/etc/motd", "content": "hello\n", "permissions": "0644", "owner": "root:root"}],
        "packages": ["curl"],
        "runcmd": ["touch /ran"],
        "timezone": "UTC",
    }


def test_what_is_said_twice_is_refused() -> None:
    with pytest.raises(Permanent, match="runcmd is said twice"):
        seed.user_data(CloudInit(run=["a"], extra={"runcmd": ["b"]}))


def test_image_holds_the_texts_and_is_private(tmp_path: Path) -> None:
    texts = seed.documents("6f1c", "web", CloudInit(run=["true"]), [LINK])
    seed.write(tmp_path / "seed.iso", texts)
    assert stat.S_IMODE((tmp_path / "seed.iso").stat().st_mode) == 0o600
    iso = pycdlib.PyCdlib()
    iso.open(str(tmp_path / "seed.iso"))
    assert iso.pvd.volume_identifier.strip() == b"cidata"
    for name, text in texts.items():
        found = io.BytesIO()
        iso.get_file_from_iso_fp(found, joliet_path=f"/{name}")
        assert found.getvalue().decode() == text
    iso.close()
    assert texts["user-data"].startswith("#cloud-config\n")
    assert json.loads(texts["meta-data"]) == {"instance-id": "6f1c", "local-hostname": "web"}
