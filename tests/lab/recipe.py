"""What a root is made of. A recipe is data: the same recipe has the same key, and so the same cached root.

The root is a plain Debian without anything of the machine that built it: no host name, no resolver, no
mirror, no host keys, no machine id. Its only package source is the repository that each host has mounted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from tests.lab.cache import content_key
from tests.lab.errors import LabError

SUITES = ("bullseye", "bookworm", "trixie")
DEFAULT_SUITE = "bookworm"
REPOSITORY_MOUNT = "/mnt/packages"

_INSTALLED = ("dbus", "iproute2", "openssh-server", "passwd", "python3", "sudo", "systemd-sysv")
_OFFERED = ("cowsay", "cron", "hello", "nginx-light", "tree")
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")

# Runs outside, with the folder of the new root as $1. The packages that hosts may install later are resolved
# here, against this very root, so that their dependencies always fit. python3 is among them, for tests that remove it.
OFFER = f"""\
set -eu
root=$1
packages=$(dirname "$root")/packages
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
mkdir "$packages"
apt-get clean
python3=$(chroot "$root" dpkg-query -Wf '${{db:Status-Abbrev}} ${{Package}}\\n' '*python3*' | sed -n 's/^ii *//p')
apt-get --yes --download-only --reinstall install {" ".join(_OFFERED)} $python3
mv "$root"/var/cache/apt/archives/*.deb "$packages"
"""
TIDY = f"""\
rm -f "$root"/etc/ssh/ssh_host_* "$root"/etc/apt/sources.list.d/* "$root"/var/log/*.log
rm -f "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -f "$root"/etc/resolv.conf "$root"/var/lib/dbus/machine-id
: > "$root"/etc/resolv.conf
echo lab > "$root"/etc/hostname
echo 'deb [trusted=yes] file:{REPOSITORY_MOUNT} ./' > "$root"/etc/apt/sources.list
"""
_FINISH = f"""\
{OFFER}chroot "$root" systemctl disable ssh.service
chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer
{TIDY}"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the content of a root.

    `architecture` as dpkg names it, `left_out` patterns of paths that dpkg skips, `finish` a shell script.
    """

    suite: str
    architecture: str
    installed: tuple[str, ...]
    left_out: tuple[str, ...]
    finish: str

    @property
    def name(self) -> str:
        """The folder name of the root: the suite for people, the key for the rest."""
        return f"{self.suite}-{content_key(asdict(self))}"


def recipe(suite: str, architecture: str, packages: Iterable[str] = ()) -> Recipe:
    """The recipe of a suite, with further Debian packages installed in the root; LabError for an unknown suite."""
    if suite not in SUITES:
        raise LabError(f"There is no recipe for {suite!r}; there are {', '.join(SUITES)}.")
    installed = tuple(sorted({*_INSTALLED, *packages}))
    return Recipe(suite, architecture, installed, _LEFT_OUT, _FINISH)
