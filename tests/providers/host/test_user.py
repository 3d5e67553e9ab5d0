"""`user` on real systemd hosts: each state of an account × each declaration."""

from __future__ import annotations

import pytest
from aivp_contract.diff import Decision
from aivp_contract.values import Json, Secret, Unknown, Verdict
from aivp_host.accounts.database import refuse_foreign_user
from aivp_sdk import Permanent

from tests import lab
from tests.providers.driver import Failed
from tests.providers.host.world import World

pytestmark = pytest.mark.lab

# Of the password "aivp", with different salts.
HASH = "$6$lab$" + "x" * 86
OTHER = "$6$bal$" + "y" * 86

FULL: dict[str, Json] = {
    "name": "alice",
    "uid": 1500,
    "group": "staff",
    "groups": ["audio", "video"],
    "home": "/srv/alice",
    "create_home": True,
    "shell": "/bin/bash",
    "comment": "Alice Ünal,,,",
    "password": HASH,
    "expires": "2031-12-31",
    "password_min_days": 1,
    "password_max_days": 90,
    "password_warn_days": 14,
}


def passwd(world: World, name: str = "alice") -> str:
    return world.sh(f"grep '^{name}:' /etc/passwd", check=False).strip()


def shadow(world: World, name: str = "alice") -> list[str]:
    return world.sh(f"grep '^{name}:' /etc/shadow", check=False).strip().split(":")


def groups(world: World, name: str = "alice") -> set[str]:
    return set(world.sh(f"id -Gn {name}").split())


# --- each state × the full declaration ----------------------------------------------------------------------------


def check_full(world: World) -> None:
    assert passwd(world) == "alice:x:1500:50:Alice Ünal,,,:/srv/alice:/bin/bash"
    fields = shadow(world)
    assert fields[1] == HASH
    assert fields[3:6] == ["1", "90", "14"]
    assert fields[7] == "22644"
    assert groups(world) >= {"staff", "audio", "video"}
    mode = "700" if world.host.suite == "trixie" else "755"  # HOME_MODE and UMASK of the host's own login.defs
    assert world.sh("stat -c '%a %U %G' /srv/alice").split() == [mode, "alice", "staff"]
    assert world.sh("ls -A /srv/alice").split() == [".bash_logout", ".bashrc", ".profile"]


def test_absent_is_made(world: World) -> None:
    done = world.converge("user", **FULL)
    assert (done.decision.action, done.before.computed) == (
        "create",
        {"id": 1500, "group_id": 50, "home_directory": "/srv/alice"},
    )
    assert done.outcome is not None
    assert done.outcome["outputs"] == done.before.computed
    check_full(world)


def test_compliant_is_left_alone(world: World) -> None:
    world.converge("user", **FULL)
    before = lab.snapshot(world.host)
    assert world.converge("user", **FULL, state="present", membership="minimum").decision.action == "no-op"
    assert world.difference(before) == ()


def test_drifted_is_mended(world: World) -> None:
    world.sh("useradd -m -s /bin/sh -c Eve alice && echo 'alice:$1$abc$xxxxxxxxxxxxxxxxxxxxxx' | chpasswd -e")
    changed = world.changes("user", **FULL)
    assert set(changed) == {
        "/uid",
        "/group",
        "/groups/audio",
        "/groups/video",
        "/home",
        "/create_home",
        "/shell",
        "/comment",
        "/password",
        "/expires",
        "/password_min_days",
        "/password_max_days",
        "/password_warn_days",
    }
    check_full(world)


def test_half_applied_is_finished(world: World) -> None:
    """useradd was killed when only the line in /etc/passwd was there."""
    world.sh("echo 'alice:x:1500:50::/srv/alice:/bin/sh' >> /etc/passwd")
    world.converge("user", **FULL)
    check_full(world)


def test_second_attempt_does_the_rest(world: World) -> None:
    """The first got as far as useradd; the decision that the second gets is still the one to create."""
    seen = world.driver.observe("user", FULL)
    decision = world.driver.decide("user", FULL, seen)
    world.sh("mv /usr/sbin/chpasswd /usr/sbin/chpasswd.away")
    with pytest.raises(Failed, match="chpasswd"):
        world.driver.apply("user", FULL, seen, decision, key="run/step/1")
    assert passwd(world)
    world.sh("mv /usr/sbin/chpasswd.away /usr/sbin/chpasswd")
    world.driver.apply("user", FULL, seen, decision, key="run/step/2")
    check_full(world)


def test_name_that_only_a_group_has(world: World) -> None:
    world.sh("groupadd -g 1700 alice")
    done = world.converge("user", name="alice")
    assert done.before.computed == {"id": Unknown(), "group_id": 1700, "home_directory": "/home/alice"}
    assert groups(world) == {"alice"}


def test_uid_of_another_user(world: World) -> None:
    world.sh("useradd -u 1500 bob")
    error = world.refused("user", name="alice", uid=1500)
    assert (error["path"], error["message"]) == ("/uid", "the uid 1500 belongs to bob")
    world.converge("user", name="alice", uid=1500, non_unique=True)
    assert passwd(world).startswith("alice:x:1500:")


def test_uid_that_its_owner_is_about_to_give_up(world: World) -> None:
    world.sh("useradd -u 1500 bob")
    answers = world.driver.observe_many("user", [{"name": "bob", "uid": 1501}, {"name": "alice", "uid": 1500}])
    assert ["error" in answer for answer in answers] == [False, False]


def test_uid_that_its_declared_owner_keeps(world: World) -> None:
    """Else nothing would say so before the step itself, and not even that, where the owner takes no part in it."""
    world.sh("useradd -u 1500 bob")
    for owner in ({"name": "bob"}, {"name": "bob", "uid": 1500}):
        answers = world.driver.observe_many("user", [owner, {"name": "alice", "uid": 1500}])
        assert [answer.get("error", {}).get("message") for answer in answers] == [None, "the uid 1500 belongs to bob"]
    answers = world.driver.observe_many("user", [{"name": "bob", "state": "absent"}, {"name": "alice", "uid": 1500}])
    assert ["error" in answer for answer in answers] == [False, False]


def test_minimal(world: World) -> None:
    done = world.converge("user", name="alice")
    assert done.before.computed == {"id": Unknown(), "group_id": Unknown(), "home_directory": "/home/alice"}
    assert done.outcome is not None
    assert done.outcome["outputs"] == {"id": 1000, "group_id": 1000, "home_directory": "/home/alice"}
    assert world.sh("ls /home").split() == []
    assert shadow(world)[1] == "!"


def test_system_user(world: World) -> None:
    world.converge("user", name="daemon2", system=True, shell="/usr/sbin/nologin", home="/nonexistent")
    assert 100 <= int(passwd(world, "daemon2").split(":")[2]) < 1000
    assert shadow(world, "daemon2")[5] == ""


def test_busy_user(world: World) -> None:
    world.sh("useradd -u 1500 alice && systemd-run --quiet --uid=alice sleep 1000")
    error = world.refused("user", name="alice", uid=1501)
    assert "currently used by process" in error["message"]
    assert "loginctl" in error["mend"]


def test_user_of_the_name_service() -> None:
    refuse_foreign_user("user-that-nobody-knows")
    with pytest.raises(Permanent, match="comes from the name service"):
        refuse_foreign_user("root")  # stands for one that only LDAP has: the caller looked into /etc/passwd before


# --- groups -------------------------------------------------------------------------------------------------------


def test_groups_minimum_removes_only_ours(world: World) -> None:
    world.sh("useradd -G audio,video alice")
    done = world.converge("user", name="alice", groups=["cdrom"], prior={"name": "alice", "groups": ["audio", "cdrom"]})
    assert [(change.op, change.path) for change in done.decision.changes] == [
        ("remove", "/groups/audio"),
        ("add", "/groups/cdrom"),
    ]
    assert groups(world) == {"alice", "video", "cdrom"}


def test_groups_exclusive(world: World) -> None:
    world.sh("useradd -G audio,video alice")
    world.converge("user", name="alice", groups=["cdrom"], membership="exclusive")
    assert groups(world) == {"alice", "cdrom"}
    world.converge("user", name="alice", groups=[], membership="exclusive")
    assert groups(world) == {"alice"}


def test_exclusive_also_for_a_name_left_in_etc_group(world: World) -> None:
    world.sh("sed -i 's/^sudo:.*/&alice/' /etc/group")
    world.converge("user", name="alice", groups=["audio"], membership="exclusive")
    assert groups(world) == {"alice", "audio"}


@pytest.mark.parametrize("field", ["group", "groups"])
def test_group_that_does_not_exist(world: World, field: str) -> None:
    value: Json = "later" if field == "group" else ["later"]
    assert world.driver.observe("user", {"name": "alice", field: value}).observed is None
    error = world.refused("user", name="alice", **{field: value})
    assert (error["path"], error["mend"]) == (f"/{field}", "Declare it: group.later.")


# --- home ---------------------------------------------------------------------------------------------------------


def test_home_is_made_later(world: World) -> None:
    world.sh("useradd -M alice && mkdir /srv/skel && touch /srv/skel/hello")
    assert world.changes("user", name="alice", create_home=True, skeleton="/srv/skel") == {"/create_home": True}
    assert world.sh("ls -A /home/alice; stat -c %U /home/alice/hello").split() == ["hello", "alice"]


def test_home_moves_only_when_told(world: World) -> None:
    world.sh("useradd -m alice && touch /home/alice/mine")
    world.converge("user", name="alice", home="/srv/alice")
    assert world.sh("ls -d /home/alice/mine; ls /srv").split() == ["/home/alice/mine"]
    world.sh("usermod -d /home/alice alice")
    world.converge("user", name="alice", home="/srv/alice", move_home=True)
    assert world.sh("ls -d /srv/alice/mine; ls /home").split() == ["/srv/alice/mine"]


def test_home_that_is_a_file(world: World) -> None:
    world.sh("useradd -M alice && touch /home/alice")
    assert world.refused("user", name="alice", create_home=True)["path"] == "/home"


# --- password -----------------------------------------------------------------------------------------------------


def test_password_is_seen_as_a_verdict(world: World) -> None:
    world.sh(f"useradd alice && echo 'alice:{HASH}' | chpasswd -e")
    seen = world.driver.observe("user", {"name": "alice", "password": HASH})
    assert (seen.observed or {})["password"] == Verdict(True)
    seen = world.driver.observe("user", {"name": "alice", "password": OTHER})
    assert (seen.observed or {})["password"] == Verdict(False)
    assert "password" not in (world.driver.observe("user", {"name": "alice"}).observed or {})


def test_password_from_a_secret(world: World) -> None:
    secret = Secret({"secret": "admin"}, HASH)
    done = world.converge("user", name="alice", password=secret)
    assert shadow(world)[1] == HASH
    assert HASH not in repr(done)


def test_password_never_in_arguments(world: World) -> None:
    """Every exec in the host is watched, by a wrapper in place of the tools."""
    for tool in ("useradd", "usermod", "chpasswd"):
        wrapper = f'#!/bin/sh\necho "{tool} $*" >> /root/arguments\nexec /usr/sbin/{tool}.real "$@"\n'
        world.sh(f"mv /usr/sbin/{tool} /usr/sbin/{tool}.real")
        world.host.write(f"/usr/sbin/{tool}", wrapper)
        world.sh(f"chmod 755 /usr/sbin/{tool}")
    done = world.driver.converge("user", {"name": "alice", "password": HASH, "locked": True, "comment": "a"})
    done.check()
    seen = world.host.read("/root/arguments")
    assert "chpasswd -e" in seen
    assert HASH not in seen
    assert "$6$" not in seen


def test_secret_where_it_would_be_an_argument(world: World) -> None:
    error = world.refused("user", name="alice", comment=Secret({"secret": "admin"}, "hidden-name"))
    assert error["path"] == "/comment"
    assert "hidden-name" not in str(error)


def test_password_on_create_only(world: World) -> None:
    world.converge("user", name="alice", password=HASH, update_password="on_create")
    assert shadow(world)[1] == HASH
    world.sh(f"echo 'alice:{OTHER}' | chpasswd -e")
    done = world.converge("user", name="alice", password=HASH, update_password="on_create")
    assert done.decision.action == "no-op"
    assert shadow(world)[1] == OTHER


@pytest.mark.parametrize(
    "wrong", ["correct horse", "correcthorse1", "", "!", "!" + HASH, "$6$short$hash", "$ecret$word"]
)
def test_password_that_is_no_hash(world: World, wrong: str) -> None:
    error = world.refused("user", name="alice", password=wrong)
    assert error["path"] == "/password"
    assert "openssl passwd -6" in error["mend"]
    assert not wrong or wrong not in str(error).replace("* stands", "")


def test_hashes_that_this_host_makes(world: World) -> None:
    made = world.sh(
        "printf 'a:x\\n' | true; openssl passwd -6 x; openssl passwd -5 x; openssl passwd -1 x", check=False
    )
    world.sh("useradd bob && echo bob:x | chpasswd")
    for stored in [*made.split(), shadow(world, "bob")[1]]:
        world.converge("user", name="alice", password=stored)
        assert shadow(world)[1] == stored


def test_locked(world: World) -> None:
    world.converge("user", name="alice", password=HASH, locked=True)
    assert shadow(world)[1] == "!" + HASH
    world.converge("user", name="alice", password=OTHER, locked=True)
    assert shadow(world)[1] == "!" + OTHER
    world.converge("user", name="alice", locked=False)
    assert shadow(world)[1] == OTHER
    world.converge("user", name="alice", locked=True)
    assert shadow(world)[1] == "!" + OTHER


def test_new_password_keeps_a_lock_that_nobody_declared(world: World) -> None:
    world.sh(f"useradd alice && echo 'alice:{OTHER}' | chpasswd -e && usermod -L alice")
    world.converge("user", name="alice", password=HASH)
    assert shadow(world)[1] == "!" + HASH


def test_open_to_keys_only(world: World) -> None:
    world.converge("user", name="alice", password="*", locked=False)
    assert shadow(world)[1] == "*"


def test_nothing_to_unlock(world: World) -> None:
    assert world.refused("user", name="alice", locked=False)["path"] == "/locked"
    world.sh("useradd alice")
    assert world.refused("user", name="alice", locked=False)["path"] == "/locked"


def test_expiry_and_aging_go_again(world: World) -> None:
    world.converge("user", name="alice", expires="2031-12-31", password_max_days=90, password_min_days=3)
    world.converge("user", name="alice", expires="never", password_max_days=-1, password_min_days=0)
    assert shadow(world)[3:5] == ["0", ""]
    assert shadow(world)[7] == ""
    assert world.refused("user", name="alice", expires="2031-02-30")["path"] == "/expires"


# --- going away ---------------------------------------------------------------------------------------------------


def test_orphan_goes_and_its_home_stays(world: World) -> None:
    config: dict[str, Json] = {"name": "alice", "create_home": True}
    world.converge("user", **config)
    world.sh("touch /home/alice/mine")
    assert world.driver.delete("user", config).observed is None
    assert passwd(world) == ""
    assert world.sh("ls /home/alice; getent group alice || true").split() == ["mine"]


def test_orphan_goes_with_its_home(world: World) -> None:
    before = lab.snapshot(world.host)
    config: dict[str, Json] = {"name": "alice", "create_home": True, "remove_home": True}
    world.converge("user", **config)
    world.driver.delete("user", config)
    assert [line for line in world.difference(before) if "/etc" not in line and "mtime" not in line] == []


def test_declared_group_outlives_its_user(world: World) -> None:
    """userdel takes the group of the same name along; that one may be a resource of its own."""
    world.sh("groupadd -g 1700 alice")
    config: dict[str, Json] = {"name": "alice", "group": "alice"}
    world.converge("user", **config)
    world.driver.delete("user", config)
    assert world.sh("grep ^alice: /etc/group /etc/gshadow").split() == [
        "/etc/group:alice:x:1700:",
        "/etc/gshadow:alice:!::",
    ]


def test_declared_absent(world: World) -> None:
    assert world.converge("user", name="alice", state="absent").decision.action == "no-op"
    world.sh("useradd -m alice")
    done = world.converge("user", name="alice", state="absent", remove_home=True)
    assert done.decision.action == "update"
    assert (passwd(world), world.sh("ls /home").split()) == ("", [])


def test_root_is_never_removed(world: World) -> None:
    assert world.refused("user", name="root", state="absent")["path"] == "/state"
    seen = world.driver.observe("user", {"name": "root"})
    with pytest.raises(Failed, match="never removed"):
        world.driver.apply("user", {"name": "root"}, seen, Decision("delete"))
    assert passwd(world, "root")
