"""~/.ssh/authorized_keys on real hosts, also where the home's owner is the attacker."""

from __future__ import annotations

import base64

import pytest
from aivp_contract.observation import read_observation
from aivp_contract.values import Json, Secret
from aivp_host.accounts import authorized_keys
from aivp_sdk import Permanent

from tests import lab
from tests.providers.host.world import World


def line(name: str, *, options: str = "", comment: str = "") -> str:
    """A public key that sshd would take, made from a name."""
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + name.encode().ljust(32, b".")
    parts = (options, kind.decode(), base64.b64encode(blob).decode(), comment)
    return " ".join(part for part in parts if part)


A, B, C = line("a", comment="a@x"), line("b", comment="b@x"), line("c", comment="c@x")
PATH = "/home/alice/.ssh/authorized_keys"


def put(world: World, *lines: str) -> None:
    """An account with these lines in its file."""
    world.sh("useradd -m alice && install -d -m 700 -o alice -g alice /home/alice/.ssh")
    if lines:
        world.host.write(PATH, "".join(text + "\n" for text in lines))
        world.sh(f"chown alice:alice {PATH} && chmod 600 {PATH}")


def there(world: World) -> list[str]:
    return world.host.read(PATH).splitlines()


# --- lines and keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "restrict", 'from="10.0.0.0/8, *.x",no-pty', r'command="echo \"a b\" c"'])
def test_parse(options: str) -> None:
    key = authorized_keys.parse(f"  {line('a', options=options, comment='a b c')}  ")
    assert key is not None
    assert (key.options, key.comment) == (options, "a b c")
    assert key.text == line("a", options=options, comment="a b c")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "hello",
        "ssh-ed25519",
        A[:60],
        A.replace("ssh-ed25519", "ssh-rsa"),
        "ssh-ed25519 !!!! x",
        f"{A}\n{B}",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        'command="open ' + A,
    ],
)
def test_declared_line_that_is_no_key(wrong: str) -> None:
    with pytest.raises(Permanent, match="not the line of a public key") as raised:
        authorized_keys.declared([wrong])
    assert raised.value.path == "/authorized_keys"
    assert "PRIVATE" not in raised.value.message


def test_declared_twice() -> None:
    with pytest.raises(Permanent, match="twice"):
        authorized_keys.declared([A, line("a", options="restrict")])


def test_merge_leaves_the_rest_alone() -> None:
    keys = authorized_keys.declared([A, line("b", options="restrict")])
    lines = ["# ours", "", line("a", comment="as it was"), "garbage here", B, C]
    merged = authorized_keys.merge(lines, keys, {C}, None)
    assert merged == ["# ours", "", line("a", comment="as it was"), "garbage here", line("b", options="restrict")]
    assert authorized_keys.merge(merged, keys, {C}, None) == merged


def test_key_of_ours_is_known_by_what_it_was_called() -> None:
    prior = [line("a") + "  an old  comment"]
    assert authorized_keys.shown([A], [], prior) == prior
    assert authorized_keys.shown([line("a", options="restrict")], [], prior) == [line("a", options="restrict")]


# --- on hosts -----------------------------------------------------------------------------------------------------


@pytest.mark.lab
def test_with_a_new_user(world: World) -> None:
    world.converge("user", name="alice", create_home=True, authorized_keys=[B, A])
    assert sorted(there(world)) == [A, B]
    shown = world.sh(f"stat -c '%a %U %G' /home/alice/.ssh {PATH}").splitlines()
    assert shown == ["700 alice alice", "600 alice alice"]


@pytest.mark.lab
def test_sshd_lets_in(world: World) -> None:
    """A real key pair, a real sshd."""
    world.sh("ssh-keygen -q -t ed25519 -N '' -f /root/key && ssh-keygen -A && systemctl start ssh")
    public = world.host.read("/root/key.pub").strip()
    login = "ssh -i /root/key -o StrictHostKeyChecking=no -o BatchMode=yes alice@localhost id -un"
    config: dict[str, Json] = {"name": "alice", "create_home": True, "password": "*", "shell": "/bin/sh"}
    world.converge("user", **config, authorized_keys=[public])
    assert world.sh(login) == "alice\n"
    world.converge("user", **config, authorized_keys=[], prior={**config, "authorized_keys": [public]})
    assert world.sh(login, check=False) == ""


@pytest.mark.lab
def test_compliant_is_left_alone(world: World) -> None:
    put(world, "# mine", f"{line('a')} another comment", C)
    before = lab.snapshot(world.host)
    assert world.converge("user", name="alice", authorized_keys=[A]).decision.action == "no-op"
    assert world.difference(before) == ()


@pytest.mark.lab
def test_minimum_removes_only_ours(world: World) -> None:
    put(world, "# mine", A, B, C)
    prior: dict[str, Json] = {"name": "alice", "authorized_keys": [A, line("b", comment="another comment")]}
    done = world.converge("user", name="alice", authorized_keys=[A], prior=prior)
    assert [(change.op, change.before) for change in done.decision.changes] == [
        ("remove", line("b", comment="another comment"))
    ]
    assert there(world) == ["# mine", A, C]


@pytest.mark.lab
def test_exclusive(world: World) -> None:
    put(world, "# mine", A, "something that is no key", B)
    done = world.converge("user", name="alice", authorized_keys=[C], keys_membership="exclusive")
    assert sorted(change.op for change in done.decision.changes) == ["add", "remove", "remove", "remove"]
    assert there(world) == ["# mine", C]


@pytest.mark.lab
def test_keys_from_a_secret(world: World) -> None:
    put(world, A, B)
    secret = Secret({"secret": "key"}, C)
    done = world.converge("user", name="alice", authorized_keys=[secret])
    assert [(change.op, change.path) for change in done.decision.changes] == [("replace", "/authorized_keys")]
    assert C not in repr(done)
    assert there(world) == [A, B, C]
    assert world.converge("user", name="alice", authorized_keys=[secret]).decision.action == "no-op"
    world.converge("user", name="alice", authorized_keys=[secret], keys_membership="exclusive")
    assert there(world) == [C]


@pytest.mark.lab
def test_options_change(world: World) -> None:
    put(world, B, A)
    world.converge("user", name="alice", authorized_keys=[line("a", options="restrict")])
    assert there(world) == [B, line("a", options="restrict")]


@pytest.mark.lab
def test_leftover_of_a_crash_goes(world: World) -> None:
    put(world, A)
    world.sh("touch /home/alice/.ssh/.authorized_keys.aivp")
    world.converge("user", name="alice", authorized_keys=[B])
    assert world.sh("ls -A /home/alice/.ssh").split() == ["authorized_keys"]


@pytest.mark.lab
def test_no_home(world: World) -> None:
    world.sh("useradd -M alice")
    error = world.refused("user", name="alice", authorized_keys=[A])
    assert (error["path"], error["mend"]) == ("/authorized_keys", "Set create_home: true.")


@pytest.mark.lab
def test_home_that_root_keeps(world: World) -> None:
    """As for sftp in a chroot: the user may not write there, and need not."""
    world.sh("useradd -M alice && install -d -m 755 /home/alice")
    world.converge("user", name="alice", authorized_keys=[A])
    assert there(world) == [A]


ATTACKS = {
    "folder is a link": "ln -s /root /home/alice/.ssh",
    "folder is a link to a folder of the user": "mkdir /home/alice/x; ln -s x /home/alice/.ssh",
    "folder is a file": "touch /home/alice/.ssh",
    "file is a link": "mkdir /home/alice/.ssh; ln -s /etc/cron.d/evil /home/alice/.ssh/authorized_keys",
    "file is a pipe": "mkdir /home/alice/.ssh; mkfifo /home/alice/.ssh/authorized_keys",
    "file is a folder": "mkdir -p /home/alice/.ssh/authorized_keys",
}


@pytest.mark.lab
def test_attacks_by_the_owner_of_the_home(world: World) -> None:
    world.sh("useradd -m alice")
    for name, attack in ATTACKS.items():
        world.sh(f"rm -rf /home/alice/.ssh /home/alice/x; su alice -c '{attack}'")
        error = world.refused("user", name="alice", authorized_keys=[A])
        assert error["path"] == "/authorized_keys", name
    assert world.sh("ls -A /root /etc/cron.d | grep -e evil -e authorized", check=False) == ""


@pytest.mark.lab
def test_hard_link_shows_nothing(world: World) -> None:
    """Where the kernel lets users link to files of others, the plan must not show what they hold."""
    put(world)
    world.sh(f"echo top-secret > /home/root-only && chmod 600 /home/root-only && ln /home/root-only {PATH}")
    error = world.refused("user", name="alice", authorized_keys=[A])
    assert "not a plain file" in error["message"]
    assert "top-secret" not in str(error)


@pytest.mark.lab
def test_race_with_the_owner_of_the_home(world: World) -> None:
    """The user swaps the folder for a link to root's as fast as the processor allows, while we write and write."""
    put(world)
    world.host.write(
        "/tmp/race.py",
        "import ctypes, os\n"
        "os.chdir('/home/alice')\n"
        "os.symlink('/root/.ssh', 'link')\n"
        "exchange = ctypes.CDLL(None).renameat2\n"
        "while True:\n"
        "    exchange(-100, b'link', -100, b'.ssh', 2)\n",
    )
    world.sh("install -d -m 700 /root/.ssh && systemd-run --quiet --uid=alice --unit=race python3 /tmp/race.py")
    outcomes = {"done": 0, "refused": 0}
    config: dict[str, Json] = {"name": "alice", "keys_membership": "exclusive"}
    for index in range(3000):  # until both have happened often: a loaded machine needs more tries
        if index >= 200 and min(outcomes.values()) > 20:
            break
        wanted = {**config, "authorized_keys": [line(f"key-{index}")]}
        [seen] = world.driver.observe_many("user", [wanted])
        if "error" in seen:
            outcomes["refused"] += 1
            continue
        observation = read_observation(seen["observation"])
        decision = world.driver.decide("user", wanted, observation)
        [answer] = world.driver.apply_many("user", [wanted], [observation], [decision])
        outcomes["refused" if "error" in answer else "done"] += 1
    assert outcomes["done"] > 20 < outcomes["refused"], outcomes
    assert world.sh("ls -A /root/.ssh").split() == [], outcomes
    assert world.sh("stat -c %U /root /root/.ssh").split() == ["root", "root"]
