"""Needs of kinds, as manifests say them: what is read, and what is refused with words that an author understands."""

from __future__ import annotations

from typing import Any

import pytest
from aivp_contract.manifest import BadManifest, read_manifest
from aivp_contract.needs import MANAGERS, read_need


def test_a_need_as_a_whole() -> None:
    found = read_need(
        {
            "command": ["qemu-img", "qemu-image"],
            "package": {"apt": "qemu-utils"},
            "when": {"format": ["qcow2"]},
            "set": ["size"],
            "as": "user",
            "optional": True,
            "why": "to make disks",
        }
    )
    assert (found.subject, found.names) == ("command", ("qemu-img", "qemu-image"))
    assert found.when == {"format": ("qcow2",)}
    assert (found.set, found.as_, found.optional) == (("size",), "user", True)


def test_one_name_of_a_package_is_that_of_all_managers() -> None:
    assert read_need({"command": "nft", "package": "nftables", "why": "x"}).package == dict.fromkeys(
        MANAGERS, "nftables"
    )


def test_amounts() -> None:
    assert read_need({"disk": 1024, "why": "x"}).least == "1024"
    assert read_need({"kernel": "5.4", "why": "x"}).least == "5.4"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("qemu", "is not an object"),
        ({"why": "x"}, "has one of command"),
        ({"command": "a", "module": "b", "why": "x"}, "only one"),
        ({"command": "a"}, "does not say why"),
        ({"command": "a", "why": "x", "wen": {}}, "unknown words wen"),
        ({"command": [], "why": "x"}, "something else than a name"),
        ({"disk": "1GiB", "why": "x"}, "number of bytes"),
        ({"disk": True, "why": "x"}, "number of bytes"),
        ({"kernel": "new", "why": "x"}, "version"),
        ({"privilege": "all", "why": "x"}, "privilege other than"),
        ({"file": "etc/passwd", "why": "x"}, "absolute path"),
        ({"device": "/etc/passwd", "why": "x"}, "outside of /dev"),
        ({"device": "/dev/kvm", "verdict": {"file": "../x", "works": "y"}, "why": "x"}, "a verdict that is not"),
        ({"command": "a", "as": "admin", "why": "x"}, "root or user"),
    ],
)
def test_what_is_no_need(raw: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_need(raw)


def test_a_need_of_a_field_that_is_none() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    kind = {"identity": ["name"], "schema": schema, "needs": [{"command": "a", "set": ["size"], "why": "x"}]}
    with pytest.raises(BadManifest, match="acme/thing: a need names the unknown field 'size'"):
        read_manifest({"manifest": 1, "name": "acme", "version": "1", "kinds": {"acme/thing": kind}})
