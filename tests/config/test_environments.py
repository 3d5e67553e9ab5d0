import copy

import pytest

from aivp.config.environments import Overlaid, merge
from aivp.config.positions import YamlSpans
from aivp.config.project import Declared

# RFC 7396, appendix A: target, patch, result
RFC_7396 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396)
def test_merge(target: object, patch: object, result: object) -> None:
    before = copy.deepcopy((target, patch))
    assert merge(target, patch) == result
    assert (target, patch) == before


BASE = b"""\
resources:
  file.a:
    path: /a
    vars: {x: 1, y: {z: 2}}
    list: [1, 2]
"""
PATCH = b"""\
overrides:
  file.a:
    mode: '0600'
    vars: {y: {z: 3, w: 4}, new: {deep: 5}}
    list: [9]
"""

# path within the resource → where its key and its value stand
PLACES = {
    (): ("base:2:3", "base:3:5"),
    ("path",): ("base:3:5", "base:3:11"),
    ("mode",): ("patch:3:5", "patch:3:11"),
    ("vars",): ("base:4:5", "base:4:11"),
    ("vars", "x"): ("base:4:12", "base:4:15"),
    ("vars", "y"): ("base:4:18", "base:4:21"),
    ("vars", "y", "z"): ("patch:4:16", "patch:4:19"),
    ("vars", "y", "w"): ("patch:4:22", "patch:4:25"),
    ("vars", "new"): ("patch:4:29", "patch:4:34"),
    ("vars", "new", "deep"): ("patch:4:35", "patch:4:41"),
    ("list",): ("patch:5:5", "patch:5:11"),
    ("list", 0): ("patch:5:12", "patch:5:12"),
    ("missing",): ("base:3:5", "base:3:5"),
}


@pytest.mark.parametrize("path", PLACES)
def test_overridden_parts_stand_in_the_override(path: tuple[str | int, ...]) -> None:
    before = {"path": "/a", "vars": {"x": 1, "y": {"z": 2}}, "list": [1, 2]}
    patch = {"mode": "0600", "vars": {"y": {"z": 3, "w": 4}, "new": {"deep": 5}}, "list": [9]}
    base = Declared(before, ("resources", "file.a"), YamlSpans("base", BASE))
    over = Declared(patch, ("overrides", "file.a"), YamlSpans("patch", PATCH))
    merged = Declared(merge(before, patch), base.path, Overlaid(base, over))
    assert (str(merged.key_span(*path)), str(merged.span(*path))) == PLACES[path]
