"""The mirror is the machine's own, or none."""

from __future__ import annotations

from tests.lab.mirror import choose_mirror

DEBIAN = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
UBUNTU = {"ID": "ubuntu", "VERSION_CODENAME": "noble"}


def test_the_archive_with_a_whole_release_is_taken() -> None:
    targets = [
        "Debian|bookworm-updates|main|http://mirror.example/debian/",
        "Other|nodistro|main|http://packages.example/",
        "Debian|bookworm|main|http://mirror.example/debian/",
    ]
    assert choose_mirror(targets, DEBIAN) == "http://mirror.example/debian"


def test_before_the_first_update_the_release_name_decides() -> None:
    targets = ["|nodistro|main|http://packages.example/", "|bookworm|main|http://mirror.example/debian/"]
    assert choose_mirror(targets, DEBIAN) == "http://mirror.example/debian"


def test_a_machine_without_a_debian_mirror_has_none() -> None:
    assert choose_mirror(["Ubuntu|noble|main|http://mirror.example/ubuntu/"], UBUNTU) is None
    assert choose_mirror(["|noble|main|http://mirror.example/ubuntu/"], UBUNTU) is None
