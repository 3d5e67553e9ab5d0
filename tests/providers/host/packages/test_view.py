"""What a declaration and dpkg's and apt's words on a package make of an observation."""

from __future__ import annotations

from typing import Any

import pytest
from aivp_host.packages.declaration import Package, deleted
from aivp_host.packages.managers import NOT_INSTALLED, Available, Installed
from aivp_host.packages.view import see

OLD = Installed("installed", "1.0")
HELD = Installed("installed", "1.0", is_held=True)
BROKEN = Installed("broken", "1.0")
REMOVED = Installed("removed", "1.0")
LISTS = Available("2.0", ("3.0", "2.0", "1.0"))


@pytest.mark.parametrize(
    ("desired", "installed", "observed", "wanted"),
    [
        ({}, NOT_INSTALLED, None, {}),
        ({}, REMOVED, None, {}),
        ({}, OLD, {"state": "present"}, {}),
        ({}, BROKEN, {"state": "broken"}, {"state": "present"}),
        ({"version": "2.0"}, OLD, {"state": "present", "version": "1.0"}, {"version": "2.0"}),
        ({"version": "1.*"}, OLD, {"state": "present", "version": "1.0"}, {"version": "1.0"}),
        ({"version": "*"}, NOT_INSTALLED, None, {"version": "2.0"}),
        ({"version": "3.*"}, OLD, {"state": "present", "version": "1.0"}, {"version": "3.0"}),
        ({"version": "4.*"}, OLD, {"state": "present", "version": "1.0"}, {"version": "4.*"}),
        ({"hold": True}, OLD, {"state": "present", "hold": False}, {"hold": True}),
        ({"state": "latest"}, NOT_INSTALLED, None, {"state": "latest"}),
        ({"state": "latest"}, OLD, {"state": "present", "version": "1.0"}, {"state": "latest", "version": "2.0"}),
        ({"state": "latest"}, HELD, {"state": "latest", "version": "1.0"}, {"state": "latest", "version": "1.0"}),
        ({"state": "absent"}, REMOVED, None, {"state": "absent"}),
        ({"state": "absent"}, BROKEN, {"state": "broken"}, {"state": "absent"}),
        ({"state": "purged"}, REMOVED, {"state": "absent"}, {"state": "purged"}),
        ({"state": "purged"}, NOT_INSTALLED, None, {"state": "purged"}),
    ],
)
def test_see(
    desired: dict[str, Any], installed: Installed, observed: dict[str, Any] | None, wanted: dict[str, Any]
) -> None:
    seen = see(Package("demo", **desired), installed, LISTS)
    assert seen.observed == (None if observed is None else {"name": "demo", **observed})
    assert seen.normalised == {"name": "demo", **wanted}


def test_latest_takes_a_held_package_only_where_it_may() -> None:
    for options in ({"hold": False}, {"allow_change_held": True}):
        seen = see(Package("demo", state="latest", **options), HELD, LISTS)  # type: ignore[arg-type]
        assert (seen.normalised or {})["version"] == "2.0"


def test_deleted() -> None:
    assert deleted(Package("demo", version="1.0", hold=True)) == Package("demo", state="absent", allow_change_held=True)
    assert deleted(Package("demo", purge=True)).state == "purged"
    assert deleted(Package("demo", state="purged")) == Package("demo", state="purged")
