"""What a declaration puts into a Debian root beside packages → one tar with a script that runs inside, and its data.

The same in every mode of mmdebstrap: the tar is unpacked over the root, the script is run in it and removes itself.
Knows neither mmdebstrap nor disks. Passwords are in a file of the tar, never in an argv.
"""

from __future__ import annotations

import io
import os
import shlex
import tarfile
from typing import Dict, List, NamedTuple, Optional, Sequence

from aivp_sdk import Permanent

from .declaration import Account, Debian, File
from .guest_helper import HelperFile

FOLDER = ".aivp"
SCRIPT = f"/{FOLDER}/inside.sh"

_HOST_KEYS = """\
[Unit]
Description=Make the SSH host keys that this machine does not have
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for kind in ed25519 ecdsa; do [ -e /etc/ssh/ssh_host_$${kind}_key ] || \
/usr/bin/ssh-keygen -q -t $$kind -N "" -f /etc/ssh/ssh_host_$${kind}_key; done'

[Install]
WantedBy=multi-user.target
"""
_MASKED = (
    "systemd-networkd-wait-online.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
)
_NETWORK = """\
# What nobody says more of: the guest helper and cloud-init write files that come before this one.
[Match]
Type=ether

[Network]
DHCP=yes

[Link]
RequiredForOnline=no
"""
_GROW = """\
# A disk that is larger than the image: its last partition takes the rest.
[Partition]
Type=root
"""
_SLIM = """\
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
"""
# What is in /tmp goes by mmdebstrap: its settings for apt are there until the end, and without them apt would work on
# the host's own lists.
_TIDY = """\
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id /var/lib/systemd/random-seed
rm -f /boot/initrd.img* /initrd.img* /vmlinuz.old /etc/apt/apt.conf.d/99mmdebstrap /etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -f /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid- /etc/resolv.conf
rm -rf /var/cache/apt/* /var/lib/apt/lists/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/cache/ldconfig/aux-cache
find /var/log -type f -exec rm -f {} +
: > /etc/machine-id
: > /etc/resolv.conf
"""


class Entry(NamedTuple):
    """One thing of the overlay. `owner` is USER:GROUP of the image; `link`: it is a symbolic link to there."""

    path: str
    mode: int
    owner: str = "root:root"
    data: Optional[bytes] = None
    link: Optional[str] = None


def inside(debian: Debian, lines: Sequence[str], helper: Sequence[HelperFile], fstab: str) -> bytes:
    """The tar. `lines`: of the image's sources.list; `helper`: the guest helper's files; `fstab`: the file's text."""
    accounts = debian.users or []
    entries = [
        *_system(debian, lines, fstab),
        *map(_of_helper, helper),
        *(entry for account in accounts for entry in _of_account(account)),
        *(entry for file in debian.files or [] for entry in _of_file(file)),
    ]
    passwords = "".join(f"{account.name}:{account.password}\n" for account in accounts if account.password)
    return _tar(
        [
            Entry(SCRIPT, 0o700, data=_script(debian).encode()),
            Entry(f"/{FOLDER}/overlay.tar", 0o600, data=_tar(entries)),
            Entry(f"/{FOLDER}/passwords", 0o600, data=passwords.encode()),
            *(
                Entry(f"/{FOLDER}/hook-{number}", 0o700, data=f"{hook.shell}\n".encode())
                for number, hook in enumerate(debian.hooks or [])
                if hook.shell is not None
            ),
        ]
    )


def home(name: str) -> str:
    """Where the files of an account are."""
    return "/root" if name == "root" else f"/home/{name}"


def slim(debian: Debian) -> List[str]:
    """Options of dpkg that leave out what a slim image has not."""
    return _SLIM.splitlines() if debian.slim else []


def _script(debian: Debian) -> str:
    steps = ["set -eu", "export DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C.UTF-8", "cd /"]
    for account in debian.users or []:
        steps += _add(account)
    steps += [
        f"[ ! -s /{FOLDER}/passwords ] || chpasswd -e < /{FOLDER}/passwords",
        f"tar -C / -xpf /{FOLDER}/overlay.tar --no-overwrite-dir",
        "if [ -e /usr/sbin/sshd ]; then systemctl enable -q aivp-host-keys.service; fi",
    ]
    steps += ["systemctl enable -q systemd-networkd.service"]
    steps += [f"systemctl mask -q {unit}" for unit in _MASKED]
    for number, hook in enumerate(debian.hooks or []):
        run = shlex.join(hook.argv) if hook.argv is not None else f"/bin/sh -eu /{FOLDER}/hook-{number}"
        steps.append(f'{run} < /dev/null || {{ echo "aivp: hook {number} ended with exit code $?" >&2; exit 1; }}')
    return "\n".join([*steps, f"rm -rf /{FOLDER}", _TIDY])


def _add(account: Account) -> List[str]:
    found = [f"getent group {group} > /dev/null || groupadd {group}" for group in account.groups or []]
    if account.name != "root":
        uid = [] if account.uid is None else ["--uid", str(account.uid)]
        argv = ["useradd", "--create-home", "--user-group", "--shell", account.shell, *uid, account.name]
        found.append(f"getent passwd {account.name} > /dev/null || {shlex.join(argv)}")
    found += [f"usermod --append --groups {group} {account.name}" for group in account.groups or []]
    return found


def _of_account(account: Account) -> List[Entry]:
    owner = f"{account.name}:{account.name}"
    found: List[Entry] = []
    if account.ssh_keys:
        keys = "".join(f"{key.strip()}\n" for key in account.ssh_keys).encode()
        found.append(Entry(f"{home(account.name)}/.ssh", 0o700, owner))
        found.append(Entry(f"{home(account.name)}/.ssh/authorized_keys", 0o600, owner, keys))
    if account.sudo:
        rule = f"{account.name} ALL=(ALL:ALL) NOPASSWD: ALL\n".encode()
        found.append(Entry(f"/etc/sudoers.d/aivp-{account.name}", 0o440, data=rule))
    return found


def _of_helper(file: HelperFile) -> Entry:
    if file.mode == 0:
        return Entry(file.path, 0o777, link=file.content.decode())
    return Entry(file.path, file.mode, data=file.content)


def _of_file(file: File) -> List[Entry]:
    mode = None if file.mode is None else int(file.mode, 8)
    if file.link is not None:
        return [Entry(file.path, 0o777, file.owner, link=file.link)]
    if file.source is not None:
        return _copied(file.source, file.path, mode, file.owner)
    if file.content is None:
        return [Entry(file.path, 0o755 if mode is None else mode, file.owner)]
    return [Entry(file.path, 0o644 if mode is None else mode, file.owner, file.content.encode())]


def _copied(source: str, path: str, mode: Optional[int], owner: str) -> List[Entry]:
    """A file or folder of this host, with its own modes where none is declared. Links stay links."""
    try:
        if os.path.islink(source):
            return [Entry(path, 0o777, owner, link=os.readlink(source))]
        own = os.stat(source).st_mode & 0o7777
        if not os.path.isdir(source):
            with open(source, "rb") as file:
                return [Entry(path, own if mode is None else mode, owner, file.read())]
        found = [Entry(path, own, owner)]
        for name in sorted(os.listdir(source)):
            found += _copied(f"{source}/{name}", f"{path.rstrip('/')}/{name}", mode, owner)
    except OSError as error:
        raise Permanent(f"{source} cannot be read: {error.strerror}", path="/debian/files") from None
    return found


def _system(debian: Debian, lines: Sequence[str], fstab: str) -> List[Entry]:
    texts: Dict[str, str] = {
        "/etc/hostname": f"{debian.hostname}\n",
        "/etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
        + (f"127.0.1.1\t{debian.hostname}\n" if debian.hostname != "localhost" else ""),
        "/etc/fstab": fstab,
        "/etc/apt/sources.list": "".join(f"{line}\n" for line in lines),
        **({"/etc/repart.d/50-root.conf": _GROW} if "UUID=" in fstab else {}),
        "/etc/systemd/network/90-aivp.network": _NETWORK,
        "/etc/systemd/system/aivp-host-keys.service": _HOST_KEYS,
        **({"/etc/dpkg/dpkg.cfg.d/aivp-slim": _SLIM} if debian.slim else {}),
    }
    return [Entry(path, 0o644, data=text.encode()) for path, text in sorted(texts.items())]


def _tar(entries: Sequence[Entry]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.path.lstrip("/"))
            user, _, group = entry.owner.partition(":")
            info.mode, info.uname, info.gname = entry.mode, user, group or user
            info.uid = info.gid = 0 if user == "root" else 65534
            if entry.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            elif entry.data is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(entry.data)
            tar.addfile(info, None if entry.data is None else io.BytesIO(entry.data))
    return out.getvalue()
