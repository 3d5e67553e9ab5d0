from __future__ import annotations

from typing import Any

import pytest

from aivp.compile import compile_project
from aivp.diagnostics import Refused
from aivp.model.resource import GUEST, IR
from aivp.plugins import Registry

from .projects import project

ROOM = {
    "identity": ["path"],
    "channel": "way",
    "schema": {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "way": {"type": ["array", "null"], "x-aivp": {"computed": True}},
        },
    },
}
NOTE = {"identity": ["path"], "schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
REGISTRY = Registry.of([{"manifest": 1, "name": "t", "version": "1", "kinds": {"room": ROOM, "note": NOTE}}])
HOSTS = {"a": {"transport": "local"}, "b": {"transport": "local"}}


def ir(resources: dict[str, Any], **more: Any) -> IR:
    return compile_project(project({"hosts": HOSTS, "resources": resources, **more}), REGISTRY).ir


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("room.r", ["note.n@room.r[0]@a", "note.n@room.r[1]@a"]),
        ("room.r[1]", ["note.n@room.r[1]@a"]),
        ("room.r[0]@a", ["note.n@room.r[0]@a"]),
        (["b", "room.r[0]"], ["note.n@b", "note.n@room.r[0]@a"]),
        ({"labels": {"role": "x"}}, ["note.n@room.r[0]@a", "note.n@room.r[1]@a"]),
    ],
)
def test_every_room_is_a_host(host: Any, found: list[str]) -> None:
    room = {"host": "a", "for_each": 2, "path": "/${each.key}", "meta": {"labels": {"role": "x"}}}
    compiled = ir({"room.r": room, "note.n": {"host": host, "path": "/n"}})
    assert [name for name in compiled.resources if name.startswith("note")] == found
    assert compiled.hosts["room.r[0]@a"].transport == GUEST
    within = [(edge.before, edge.after) for edge in compiled.edges if edge.type == "host"]
    assert within == sorted((name.partition("@")[2], name) for name in found if "@room" in name)


def test_rooms_within_rooms_come_in_their_order() -> None:
    resources = {
        "note.n": {"host": "room.a", "path": "/n"},
        "room.a": {"host": "room.z", "path": "/a"},
        "room.z": {"host": "b", "path": "/z"},
    }
    assert list(ir(resources).resources) == ["note.n@room.a@room.z@b", "room.a@room.z@b", "room.z@b"]


def test_what_is_within_is_declared_where_its_host_is() -> None:
    fact = {"host.facts.os.id": "debian"}
    resources = {
        "room.r": {"host": "a", "path": "/r", "when": fact},
        "room.off": {"host": "a", "path": "/o", "when": False},
        "note.n": {"host": ["room.r", "room.off"], "path": "/n"},
        "note.m": {"host": "room.r", "path": "/m", "when": {"host.facts.arch": "x86_64"}},
    }
    compiled = ir(resources).resources
    assert list(compiled) == ["note.m@room.r@a", "note.n@room.r@a", "room.r@a"]
    assert compiled["note.n@room.r@a"].when == compiled["room.r@a"].when
    assert list(compiled["note.m@room.r@a"].when) == ["all"]


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"note.n": {"host": "room.r[7]"}}, "AIVP0210"),
        ({"note.n": {"host": "note.m"}, "note.m": {"host": "a", "path": "/m"}}, "AIVP0211"),
        ({"room.x": {"host": "room.y"}, "room.y": {"host": "room.x"}}, "AIVP0220"),
    ],
)
def test_what_is_no_host_says_so(resources: dict[str, Any], message: str) -> None:
    room = {"room.r": {"host": "a", "for_each": 2, "path": "/${each.key}"}}
    whole = {"hosts": HOSTS, "resources": {**room, **{name: {"path": "/x", **it} for name, it in resources.items()}}}
    with pytest.raises(Refused) as caught:
        compile_project(project(whole), REGISTRY)
    assert [item.code for item in caught.value.diagnostics] == [message]
