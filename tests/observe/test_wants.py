"""What is wanted of a host: of declared things, by conditions, each need once; and what becomes of a host's answer."""

from __future__ import annotations

from typing import Any

import pytest
from aivp_contract.manifest import Kind, read_manifest

from aivp.model.expression import Ref
from aivp.observe.mending import Ground, finding, install
from aivp.observe.wants import Thing, Want, wants

USER = Ground("lab", "apt", "ana", is_root=False, can_sudo=True)
ROOT = Ground("lab", "apt", "root", is_root=True, can_sudo=False)


def kinds(**needs: list[dict[str, Any]]) -> dict[str, Kind]:
    size = {"type": "integer", "x-aivp": {"semantic": "quantity"}}
    mode = {"enum": ["user", "nat"], "default": "user"}
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "size": size, "mode": mode}}
    described = {name: {"identity": ["name"], "schema": schema, "needs": item} for name, item in needs.items()}
    return dict(read_manifest({"manifest": 1, "name": "acme", "version": "1", "kinds": described}).kinds)


def names(found: list[Want]) -> list[str]:
    return [item.name for item in found]


def test_a_need_of_two_kinds_is_wanted_once() -> None:
    known = kinds(
        a=[{"command": "tool", "optional": True, "package": {"apt": "x"}, "why": "to be quick"}],
        b=[{"command": "tool", "package": {"dnf": "y"}, "why": "to work"}],
    )
    (found,) = wants([Thing("b", {}), Thing("a", {}), Thing("b", {})], known, {}, is_root=True)
    assert found.kinds == ("a", "b")
    assert not found.need.optional
    assert found.need.package == {"apt": "x", "dnf": "y"}
    assert found.whys == ("to be quick", "to work")


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({"mode": "nat"}, ["command nft"]),
        ({"mode": "user"}, []),
        ({}, []),
        ({"mode": Ref("x.y@lab", ("mode",))}, ["command nft"]),
        (None, ["command nft", "command sized"]),
        ({"size": 5}, ["command sized"]),
        ({"size": None}, []),
    ],
)
def test_conditions_on_fields(attributes: Any, wanted: list[str]) -> None:
    known = kinds(
        a=[
            {"command": "nft", "when": {"mode": ["nat"]}, "why": "x"},
            {"command": "sized", "set": ["size"], "why": "x"},
        ]
    )
    assert names(wants([Thing("a", attributes)], known, {}, is_root=True)) == wanted


def test_of_a_kind_that_nothing_declares_only_what_its_defaults_take_is_missed() -> None:
    known = kinds(
        a=[
            {"command": "plain", "why": "x"},
            {"command": "usual", "when": {"mode": ["user"]}, "why": "x"},
            {"command": "unusual", "when": {"mode": ["nat"]}, "why": "x"},
            {"command": "sized", "set": ["size"], "why": "x"},
        ]
    )
    found = {item.need.names[0]: item.need.optional for item in wants([Thing("a")], known, {}, is_root=True)}
    assert found == {"plain": False, "usual": False, "unusual": True, "sized": True}
    things = [Thing("a"), Thing("a", {"size": 1})]
    found = {item.need.names[0]: item.need.optional for item in wants(things, known, {}, is_root=True)}
    assert found == {"plain": False, "usual": False, "unusual": True, "sized": False}


@pytest.mark.parametrize(("is_root", "wanted"), [(True, ["command r"]), (False, ["command u"])])
def test_conditions_on_who_we_are(is_root: bool, wanted: list[str]) -> None:
    known = kinds(a=[{"command": "r", "as": "root", "why": "x"}, {"command": "u", "as": "user", "why": "x"}])
    assert names(wants([Thing("a", {})], known, {}, is_root=is_root)) == wanted


def test_room_is_for_all_that_is_yet_to_come() -> None:
    known = kinds(
        a=[{"disk": 100, "field": "size", "within": "folder", "why": "to keep"}],
        b=[{"disk": 5, "why": "to keep"}],
    )
    things = [Thing("a", {"size": 7}), Thing("a", {"size": 20}, is_new=False), Thing("a", {}), Thing("b", {})]
    apart = wants(things, known, {"acme": {"folder": "/srv"}}, is_root=True)
    assert [(item.folder, item.bytes) for item in apart] == [("", 5), ("/srv", 107)]
    (together,) = wants(things, known, {}, is_root=True)
    assert together.bytes == 112


def want(need: dict[str, Any]) -> Want:
    (found,) = wants([Thing("a", {})], kinds(a=[{"why": "to work", **need}]), {}, is_root=True)
    return found


@pytest.mark.parametrize(
    ("need", "answer", "ground", "says"),
    [
        ({"command": "x", "package": "p"}, {"state": "missing"}, USER, "Run there: sudo apt-get install -y p"),
        ({"command": "x", "package": "p"}, {"state": "missing"}, ROOT, "Run there: apt-get install -y p"),
        ({"command": "x", "package": {"dnf": "p"}}, {"state": "missing"}, USER, "in the package p"),
        ({"command": "x", "mend": "pip install x"}, {"state": "missing"}, USER, "Run there: pip install x"),
        ({"module": "tun"}, {"state": "missing"}, USER, "Run a kernel there that has it"),
        ({"device": "/dev/kvm"}, {"state": "missing"}, USER, "Whoever runs the machine"),
        ({"device": "/dev/kvm"}, {"state": "refused", "group": "kvm"}, USER, "sudo usermod -aG kvm ana"),
        ({"device": "/dev/kvm"}, {"state": "refused", "group": "$(rm)"}, USER, "Let that user read and write"),
        ({"privilege": "root"}, {"state": "refused"}, USER, "Declare `become: sudo` for the host lab."),
        (
            {"privilege": "user_namespaces"},
            {"state": "refused", "detail": "user.max_user_namespaces"},
            USER,
            "sudo sysctl -w user.max_user_namespaces=15000",
        ),
        ({"kernel": "6.1"}, {"state": "missing", "detail": "5.10"}, USER, "Bring a newer kernel there"),
        ({"disk": 1 << 40}, {"state": "met", "detail": "/var", "free": 1 << 20}, USER, "Make room there."),
        ({"module": "tun"}, {"state": "unseen"}, USER, "What uses it will tell."),
    ],
)
def test_what_mends(need: dict[str, Any], answer: dict[str, Any], ground: Ground, says: str) -> None:
    found = finding(want(need), {"detail": "", **answer}, ground)
    assert found.remark is not None
    assert says in found.remark.mend
    assert "to work" in found.remark.why


def test_what_a_kind_can_do_without_is_a_warning() -> None:
    found = finding(want({"command": "x", "optional": True}), {"state": "missing", "detail": ""}, USER)
    assert found.state == "warning"


@pytest.mark.parametrize("state", ["met", "loadable"])
def test_what_is_there(state: str) -> None:
    assert finding(want({"module": "tun"}), {"state": state, "detail": ""}, USER).state == "ok"


@pytest.mark.parametrize("answer", [{}, {"state": "fine", "detail": ""}, {"state": "met"}])
def test_an_answer_that_is_none(answer: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        finding(want({"command": "x"}), answer, USER)


def test_all_packages_in_one_command() -> None:
    assert install(["b", "a", "b"], USER) == "sudo apt-get install -y a b"
    assert install(["a"], Ground("h", "apk", "ana", is_root=False, can_sudo=False)) == "su -c 'apk add a'"
    assert install(["a"], Ground("h", "brew", "ana", is_root=False, can_sudo=True)) == "brew install a"
    assert install([], USER) == ""
