"""Keys made here are those of RFC 8032, and OpenSSH reads their files."""

import os
import subprocess
from pathlib import Path

import pytest
from aivp_guest.inside.keys import host_key, public_of

# RFC 8032, section 7.1
_VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    ),
]


@pytest.mark.parametrize(("seed", "public"), _VECTORS)
def test_public_half(seed: str, public: str) -> None:
    assert public_of(bytes.fromhex(seed)).hex() == public


def test_openssh_reads_it(tmp_path: Path) -> None:
    for _ in range(5):
        key = host_key(os.urandom(32))
        path = tmp_path / "key"
        path.touch(0o600)
        path.write_text(key.private)
        done = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True, check=True)
        assert done.stdout.split()[:2] == key.public.split()
