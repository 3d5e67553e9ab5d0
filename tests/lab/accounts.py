"""Keys, accounts and configuration of SSH: what a host gets before its first boot, and what a caller needs.

The host's own keys are read from its file system, so known_hosts says what is true and not what answered.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ACCOUNTS = ("root", "deploy", "asks", "plain")
ASKS_PASSWORD = "correct horse"
_ASKS_HASH = "$6$lablablab$cl5M8DZMTg3hT89ABN59JAdXywkuWXPkZ0KPP7IPPmfXvMrF7GeyEYAdVbcEq2HZFP8jp9d7d2TwJmmJoDuhS0"
_KEY_TYPES = ("ed25519", "ecdsa")
_SUDOERS = "deploy ALL=(ALL:ALL) NOPASSWD: ALL\nasks ALL=(ALL:ALL) ALL\n"

# Runs in the host's file system before anything else does; $1 is the public key that may log in, $2 the hash.
_SCRIPT = """\
set -eu
for account in deploy asks plain; do
    useradd --create-home --shell /bin/bash "$account"
done
usermod --password "$2" asks
for home in /root /home/deploy /home/asks /home/plain; do
    owner=$(stat --format=%u:%g "$home")
    install -d -m 700 "$home/.ssh"
    printf '%s\\n' "$1" > "$home/.ssh/authorized_keys"
    chown -R "$owner" "$home/.ssh"
done
"""


@dataclass(frozen=True, slots=True)
class Client:
    """The folder with a caller's key pair, `config` for `ssh -F`, and known_hosts."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def identity(self) -> Path:
        """The private key; the public one is beside it, with `.pub`."""
        return self.folder / "id_ed25519"

    @property
    def public_key(self) -> str:
        return self.identity.with_suffix(".pub").read_text(encoding="ascii").strip()


def make_client(folder: Path) -> Client:
    """A caller with a fresh key, to whom no host is known yet."""
    folder.mkdir(mode=0o700)
    client = Client(folder)
    _make_key(client.identity, "ed25519")
    write_client(client, {}, {})
    return client


def write_client(client: Client, names: Mapping[str, Sequence[str]], keys: Mapping[str, Sequence[str]]) -> None:
    """Write config and known_hosts. `names`: alias → addresses, to be reached at the first; `keys`: its public ones."""
    aliases = "".join(f"Host {alias}\n    HostName {addresses[0]}\n" for alias, addresses in sorted(names.items()))
    client.config.write_text(aliases + _for_all(client), encoding="utf-8")
    known = [f"{','.join([alias, *names[alias]])} {key}\n" for alias, found in sorted(keys.items()) for key in found]
    client.known_hosts.write_text("".join(known), encoding="utf-8")


def prepare(root: Path, name: str, public_key: str) -> None:
    """Give a host's file system a name, keys of its own, accounts, and a sshd that starts with it."""
    _name(root / "etc", name)
    subprocess.run(["chroot", str(root), "sh", "-c", _SCRIPT, "sh", public_key, _ASKS_HASH], check=True)
    sudoers = root / "etc/sudoers.d/lab"
    sudoers.write_text(_SUDOERS, encoding="ascii")
    sudoers.chmod(0o440)
    for kind in _KEY_TYPES:
        _make_key(_host_key(root, kind), kind)
    keys = "".join(f"HostKey /etc/ssh/ssh_host_{kind}_key\n" for kind in _KEY_TYPES)
    (root / "etc/ssh/sshd_config.d/lab.conf").write_text(keys, encoding="ascii")
    units = root / "etc/systemd/system"
    for link in (units / "sshd.service", units / "multi-user.target.wants/ssh.service"):
        link.symlink_to("/lib/systemd/system/ssh.service")


def host_keys(root: Path) -> tuple[str, ...]:
    """The public keys of a host as known_hosts has them: type and key."""
    texts = (_host_key(root, kind).with_suffix(".pub").read_text(encoding="ascii") for kind in _KEY_TYPES)
    return tuple(" ".join(text.split()[:2]) for text in texts)


def _name(etc: Path, name: str) -> None:
    (etc / "hostname").write_text(f"{name}\n", encoding="utf-8")
    (etc / "hosts").write_text(f"127.0.0.1\tlocalhost {name}\n::1\tlocalhost\n", encoding="utf-8")


def _for_all(client: Client) -> str:
    """Nothing of the machine's own SSH: no agent, no other key, no question that would wait for a person."""
    return f"""\
Host *
    User root
    IdentityFile "{client.identity}"
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile "{client.known_hosts}"
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
    PasswordAuthentication no
    KbdInteractiveAuthentication no
"""


def _host_key(root: Path, kind: str) -> Path:
    return root / f"etc/ssh/ssh_host_{kind}_key"


def _make_key(path: Path, kind: str) -> None:
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "aivp-lab", "-f", str(path)]
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True)
