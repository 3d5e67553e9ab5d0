"""`group` on real systemd hosts: each state of a group × each declaration."""

from __future__ import annotations

import pytest
from aivp_contract.values import Unknown
from aivp_host.accounts.database import refuse_foreign_team
from aivp_sdk import Permanent

from tests import lab
from tests.providers.driver import Failed
from tests.providers.host.world import World

pytestmark = pytest.mark.lab


def entry(world: World, name: str) -> str:
    return world.sh(f"grep '^{name}:' /etc/group", check=False).strip()


def test_absent_is_made(world: World) -> None:
    done = world.converge("group", name="web", gid=1500)
    assert (done.decision.action, done.before.computed) == ("create", {"id": 1500})
    assert done.outcome is not None
    assert done.outcome["outputs"] == {"id": 1500}
    assert entry(world, "web") == "web:x:1500:"


def test_id_by_debian(world: World) -> None:
    done = world.converge("group", name="people")
    assert done.before.computed == {"id": Unknown()}
    assert entry(world, "people") == "people:x:1000:"
    world.converge("group", name="machines", system=True)
    assert 100 <= int(entry(world, "machines").split(":")[2]) < 1000


def test_compliant_is_left_alone(world: World) -> None:
    world.sh("groupadd -g 1500 web && usermod -aG web games")
    before = lab.snapshot(world.host)
    done = world.converge("group", name="web", gid=1500, members=["games"], membership="exclusive", state="present")
    assert done.decision.action == "no-op"
    assert world.difference(before) == ()


def test_drifted_is_mended(world: World) -> None:
    world.sh("groupadd -g 1501 web && usermod -aG web games && usermod -aG web mail")
    assert world.changes("group", name="web", gid=1500, members=["games", "news"]) == {
        "/gid": 1500,
        "/members/news": "news",
    }
    assert entry(world, "web") == "web:x:1500:games,mail,news"


def test_members_minimum_removes_only_ours(world: World) -> None:
    world.sh("groupadd web && usermod -aG web games && usermod -aG web mail")
    done = world.converge("group", name="web", members=["news"], prior={"name": "web", "members": ["mail", "news"]})
    assert [(change.op, change.path) for change in done.decision.changes] == [
        ("remove", "/members/mail"),
        ("add", "/members/news"),
    ]
    assert entry(world, "web").endswith(":games,news")


def test_members_exclusive(world: World) -> None:
    world.sh("groupadd web && usermod -aG web games && usermod -aG web mail")
    world.converge("group", name="web", members=["news"], membership="exclusive")
    assert entry(world, "web").endswith(":news")
    world.converge("group", name="web", members=[], membership="exclusive")
    assert entry(world, "web").endswith(":")


def test_gid_of_another_group(world: World) -> None:
    world.sh("groupadd -g 1500 taken")
    error = world.refused("group", name="web", gid=1500)
    assert (error["path"], error["message"]) == ("/gid", "the gid 1500 belongs to taken")
    world.converge("group", name="web", gid=1500, non_unique=True)
    assert entry(world, "web") == "web:x:1500:"


def test_gid_that_its_owner_is_about_to_give_up(world: World) -> None:
    world.sh("groupadd -g 1500 old")
    answers = world.driver.observe_many("group", [{"name": "old", "gid": 1501}, {"name": "new", "gid": 1500}])
    assert ["error" in answer for answer in answers] == [False, False]


def test_gid_that_its_declared_owner_keeps(world: World) -> None:
    world.sh("groupadd -g 1500 old")
    for owner in ({"name": "old"}, {"name": "old", "gid": 1500}):
        answers = world.driver.observe_many("group", [owner, {"name": "new", "gid": 1500}])
        assert [answer.get("error", {}).get("message") for answer in answers] == [None, "the gid 1500 belongs to old"]


def test_half_applied(world: World) -> None:
    """groupadd was killed between /etc/group and /etc/gshadow."""
    world.sh("echo web:x:1500: >> /etc/group")
    world.converge("group", name="web", gid=1500, members=["games"])
    assert entry(world, "web") == "web:x:1500:games"


def test_unknown_member(world: World) -> None:
    world.sh("groupadd web")
    error = world.refused("group", name="web", members=["nobody-knows"])
    assert error["path"] == "/members"
    assert "nobody-knows" in error["message"]


def test_declared_absent(world: World) -> None:
    assert world.converge("group", name="web", state="absent").decision.action == "no-op"
    world.sh("groupadd web")
    done = world.converge("group", name="web", state="absent")
    assert done.decision.action == "update"
    assert entry(world, "web") == ""


def test_orphan_goes(world: World) -> None:
    before = lab.snapshot(world.host)
    world.converge("group", name="web")
    assert world.driver.delete("group", {"name": "web"}).observed is None
    left = [line for line in world.difference(before) if "/etc" not in line]
    assert left == []


def test_primary_group_stays(world: World) -> None:
    world.sh("useradd -m alice")
    error = world.refused("group", name="alice", state="absent")
    assert "primary group" in error["message"]


def test_somebody_holds_the_lock(world: World) -> None:
    """As another groupadd would that is at work right now."""
    world.sh("printf 1 > /etc/group.lock")
    with pytest.raises(Failed) as failed:
        world.driver.converge("group", {"name": "web"})
    assert failed.value.error["class"] == "temporary"
    assert entry(world, "web") == ""


def test_lock_that_its_owner_left_behind(world: World) -> None:
    world.sh("printf 99999999 > /etc/group.lock")
    world.converge("group", name="web")


def test_group_of_the_name_service() -> None:
    refuse_foreign_team("web-that-nobody-knows")
    with pytest.raises(Permanent, match="comes from the name service"):
        refuse_foreign_team("root")  # stands for one that only LDAP has: the caller looked into /etc/group before
