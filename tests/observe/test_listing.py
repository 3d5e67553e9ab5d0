"""A list from a host is held to the manifest before anybody declares what is in it."""

from __future__ import annotations

from typing import Any

import pytest
from aivp_contract.values import Secret

from aivp.diagnostics import Refused
from aivp.observe.discover import _fitting
from aivp.observe.listing import _audited, narrowed
from aivp.plugins import Registry

KINDS = Registry.discover().kinds
USER = KINDS["user"]


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"identity": {"name": "a"}},
        {"identity": {}, "attributes": {"name": "a"}},
        {"identity": {"name": "a", "uid": 1}, "attributes": {}},
        {"identity": {"name": "a"}, "attributes": {"name": "a", "password": "$6$x"}},
        {"identity": {"name": "a"}, "attributes": {"name": "a", "id": 7}},
        {"identity": {"name": "a"}, "attributes": {"name": "a", "stranger": 7}},
        {"identity": {"name": "a"}, "attributes": {"comment": Secret({"secret": "x"}, "v")}},
        {"identity": {"name": "a"}, "attributes": {}, "note": 5},
        [],
    ],
)
def test_what_is_no_listed_thing_is_refused(item: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        _audited(USER, item)


def test_what_could_not_be_declared_is_left_out_with_a_warning() -> None:
    good, bad = ({"identity": {"name": name}, "attributes": {"name": name}} for name in ("ana", "no good"))
    things, warnings = _fitting(USER, "lab", [_audited(USER, good), _audited(USER, bad)])
    assert [dict(thing.identity) for thing in things] == [{"name": "ana"}]
    assert [(item.code, item.severity) for item in warnings] == [("AIVP0912", "warning")]
    assert warnings[0].why.startswith("The user no good on lab cannot be declared: ")


def test_what_narrows_a_list_comes_in_normal_form() -> None:
    assert narrowed(KINDS["file"], {"under": "/etc//nginx/", "max_entries": "5"}) == {
        "under": "/etc/nginx",
        "max_entries": 5,
    }
    assert narrowed(KINDS["package"], {}) == {}
    for number in ("many", "0"):
        with pytest.raises(Refused) as caught:
            narrowed(KINDS["file"], {"under": "/etc", "max_entries": number})
        assert caught.value.diagnostics[0].code == "AIVP0910"
