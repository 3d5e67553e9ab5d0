from __future__ import annotations

from typing import Any

import pytest

from aivp.model.resource import Import, Removed

from .run import run, said

RESOURCES = {
    "file.new": {"path": "/new"},
    "noop.each": {"for_each": ["a", "b"]},
    "user.u": {},
}


def of(**lists: Any) -> Any:
    return run({"resources": RESOURCES, **lists}).ir


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        ("file.old", "file.new", {"file.old@lab": "file.new@lab"}),
        ("file.old@lab", "file.new", {"file.old@lab": "file.new@lab"}),
        ("noop.was", "noop.each", {"noop.was[a]@lab": "noop.each[a]@lab", "noop.was[b]@lab": "noop.each[b]@lab"}),
        ("noop.was", "noop.each[a]", {"noop.was@lab": "noop.each[a]@lab"}),
        ("noop.each[x]", "noop.each[b]", {"noop.each[x]@lab": "noop.each[b]@lab"}),
    ],
)
def test_moved_gives_old_and_new_addresses(old: str, new: str, pairs: dict[str, str]) -> None:
    assert of(moved=[{"from": old, "to": new}]).moved == pairs


def test_import_and_removed_stand_in_the_ir() -> None:
    ir = of(
        **{
            "import": [
                {"address": "file.new", "identity": "/new/"},
                {"address": "user.u@lab", "identity": {"name": "u"}},
            ]
        },
        removed=[{"address": "file.gone"}, {"address": "noop.each[z]@lab", "destroy": True}],
    )
    assert ir.imports == [Import("file.new@lab", {"path": "/new"}), Import("user.u@lab", {"name": "u"})]
    assert ir.removed == [Removed("file.gone", False), Removed("noop.each[z]@lab", True)]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (
            {"moved": [{"from": "file.old", "to": "file.nev"}]},
            "AIVP0223 moved.0.to: file.nev is not declared, so nothing can move there. Did you mean file.new",
        ),
        (
            {"moved": [{"from": "file.old@gone", "to": "file.new"}]},
            (
                "AIVP0223 moved.0.to: file.old@gone cannot move to lab: what stands on one host is no other host's. "
                "Let the new declaration make it on lab, and say what becomes of the old one: "
                "removed: [{address: file.old@gone, destroy: true}], or without destroy"
            ),
        ),
        ({"moved": [{"from": "file.new", "to": "file.new"}]}, "AIVP0223 moved.0.from: file.new@lab is still declared"),
        (
            {"moved": [{"from": "noop.old", "to": "file.new"}]},
            "AIVP0223 moved.0.to: noop.old@lab cannot become a file.",
        ),
        (
            {"moved": [{"from": "old", "to": "file.new"}]},
            "AIVP0223 moved.0.from: from is an address such as file.site@web.",
        ),
        (
            {"moved": [{"form": "file.old", "to": "file.new"}]},
            "AIVP0211 moved.0.form: form is no member of an entry of moved. Did",
        ),
        ({"moved": [{"from": "file.o", "to": "file.new"}] * 2}, "AIVP0223 moved.1.from: file.o@lab is moved twice."),
        ({"import": [{"address": "file.x", "identity": "/x"}]}, "AIVP0224 import.0.address: file.x is not declared"),
        (
            {"import": [{"address": "noop.each", "identity": "x"}]},
            "AIVP0224 import.0.address: noop.each may mean 2 resources.",
        ),
        (
            {"import": [{"address": "file.new", "identity": "/other"}]},
            "AIVP0224 import.0.identity.path: file.new@lab declares path /new",
        ),
        (
            {"import": [{"address": "file.new", "identity": {"name": "x"}}]},
            "AIVP0224 import.0.identity: identity of a file is",
        ),
        (
            {"import": [{"address": "file.new", "identity": "x"}]},
            "AIVP0224 import.0.identity: identity: path: a path on a host is absolute.",
        ),
        (
            {"import": [{"address": "file.new", "identity": "/new"}] * 2},
            "AIVP0224 import.1.address: file.new@lab is imported twice.",
        ),
        (
            {"removed": [{"address": "file.new"}]},
            "AIVP0225 removed.0.address: file.new@lab is declared, so it is not removed.",
        ),
        (
            {"removed": [{"address": "file.x", "destroy": "yes"}]},
            "AIVP0211 removed.0.destroy: destroy is true or false.",
        ),
        ({"removed": [{"address": "file.x"}] * 2}, "AIVP0225 removed.1.address: file.x is removed twice."),
    ],
)
def test_a_wrong_entry_is_told_with_its_place(lists: Any, message: str) -> None:
    (found,) = said({"resources": RESOURCES, **lists})
    assert found.startswith(message), found


def test_a_move_on_one_of_several_hosts_stays_there() -> None:
    hosts = {"lab": {"transport": "local"}, "edge": {"transport": "exec", "command": ["x"]}}
    resources = {"file.new": {"path": "/new", "host": ["lab", "edge"]}}
    moves = [{"from": "file.old@edge", "to": "file.new"}]
    assert run({"hosts": hosts, "resources": resources, "moved": moves}).ir.moved == {"file.old@edge": "file.new@edge"}
    assert run(
        {"hosts": hosts, "resources": resources, "moved": [{"from": "file.old", "to": "file.new"}]}
    ).ir.moved == {
        "file.old@edge": "file.new@edge",
        "file.old@lab": "file.new@lab",
    }
