"""The modules here → the two programs that leave this package: one file each, which python3 alone can run.

A program is a zip of module texts (`python3 -I FILE`), the same bytes each time; it imports nothing from elsewhere.
"""

from __future__ import annotations

import io
import pkgutil
import zipfile
from pathlib import Path
from typing import Dict, List, NamedTuple

HELPER = "/usr/lib/aivp/guest-helper"
INIT = "/usr/lib/aivp/init"
UNIT = "/usr/lib/systemd/system/aivp-guest.service"

_SERVICE = """\
[Unit]
Description=aivp guest helper
DefaultDependencies=no
After=systemd-remount-fs.service
RequiresMountsFor=/var/lib/aivp-guest
# Whatever uses name, addresses or keys of this machine begins when they are its own.
Wants=network-pre.target
Before=network-pre.target systemd-networkd.service aivp-host-keys.service ssh.service sshd.service shutdown.target
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=/usr/bin/python3 -I -S {helper}
Restart=always
RestartSec=100ms
OOMScoreAdjust=-900
TasksMax=infinity
# What it started ends by itself, or with the next helper: long work outlives its channel.
KillMode=process
StandardInput=null
StandardOutput=journal

[Install]
WantedBy=sysinit.target
"""
_INSIDE = (
    "compiled",
    "content",
    "facts",
    "init",
    "keys",
    "leftovers",
    "links",
    "loop",
    "netlink",
    "notify",
    "personalise",
    "port",
    "power",
    "process",
    "serve",
)
_INSIDE_FILES = ("wire.py", "entries.py", *(f"inside/{name}.py" for name in (*_INSIDE, "stream", "write")))
_MAIN = "import sys\nfrom aivp_guest.{} import main\nsys.exit(main())\n"


class File(NamedTuple):
    """A file of an image: absolute path, permissions, content, or the target of a link where `mode` is 0."""

    path: str
    mode: int
    content: bytes


def files() -> List[File]:
    """All that an image with systemd needs beside python3: the helper, and its unit, enabled."""
    wanted = "/etc/systemd/system/sysinit.target.wants/" + Path(UNIT).name
    return [
        File(HELPER, 0o755, helper()),
        File(UNIT, 0o644, _SERVICE.format(helper=HELPER).encode()),
        File(wanted, 0, UNIT.encode()),
    ]


def init_files() -> List[File]:
    """The same for an image without another init (`init=` of the kernel: INIT)."""
    starter = f"#!/bin/sh\nexec /usr/bin/python3 -I -S {HELPER} --init\n".encode()
    return [File(HELPER, 0o755, helper()), File(INIT, 0o755, starter)]


def helper() -> bytes:
    """The guest helper."""
    return _program("inside.serve", _INSIDE_FILES)


def enter() -> bytes:
    """The way into a guest: `python3 -I enter.py ARGV…`, with `guest.sock` beside it."""
    return _program("enter", ("wire.py", "enter.py", "terminal.py"))


def _text(name: str) -> bytes:
    found = pkgutil.get_data(__name__.rpartition(".")[0], name)
    assert found is not None, name
    return found


def _program(main: str, modules: tuple[str, ...]) -> bytes:
    texts: Dict[str, bytes] = {"__main__.py": _MAIN.format(main).encode()}
    for name in modules:
        texts["aivp_guest/" + name] = _text(name)
        texts[f"aivp_guest/{Path(name).parent}/__init__.py".replace("/./", "/")] = b""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in sorted(texts.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return content.getvalue()
