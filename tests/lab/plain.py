"""Throwaway hosts without systemd: a plain container whose first process is a shell, of the lab's own root.

The root has init scripts (sysv-rc, cron, nginx) and, beside apt, rpm and dnf with a repository of small packages. It
has dpkg's database, as every Debian has; `become_rpm` makes of such a host one that only rpm and dnf keep.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.lab import instances, rpms
from tests.lab.availability import available
from tests.lab.cgroups import make_cgroups
from tests.lab.hosts import Host
from tests.lab.mirror import mirror, missing_suite
from tests.lab.places import places
from tests.lab.recipe import DEFAULT_SUITE, OFFER, TIDY, Recipe
from tests.lab.repository import repository
from tests.lab.roots import architecture, is_cached, root
from tests.lab.signals import signals_held, terminable

_INSTALLED = (
    *("cron", "insserv", "iproute2", "nginx-light", "passwd", "procps", "python3", "sysv-rc"),
    *("createrepo-c", "dnf", "rpm"),
)
_PLUGINS = {"bullseye": ()}
"""Debian packages with dnf's plugins, versionlock among them, where that is not what the others have."""
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")

_SOURCE = f"[lab]\\nname=lab\\nbaseurl=file://{rpms.REPOSITORY}\\ngpgcheck=0\\nenabled=1\\n"

# Debian's rpm keeps its database in a home folder unless told otherwise, since dpkg is the keeper there; its dnf has
# a repository of what was installed by hand, and finds no package that says which release this is.
_FINISH = f"""\
{OFFER}
mkdir -p "$root/etc/rpm" "$root/etc/yum.repos.d" "$root/etc/dnf/vars"
echo '%_dbpath /var/lib/rpm' > "$root/etc/rpm/macros"
echo 1 > "$root/etc/dnf/vars/releasever"
local=$root/etc/dnf/plugins/local.conf
if test -e "$local"; then sed -i 's/^enabled.*/enabled = false/' "$local"; fi
{rpms.repository_script()}
printf '{_SOURCE}' > "$root/etc/yum.repos.d/lab.repo"
chroot "$root" rpm --initdb
rm -rf "$root"/var/cache/dnf/* "$root"/var/log/dnf*
{TIDY}"""

_RPM_RELEASE = """\
NAME="aivp lab"
ID=aivp-lab
ID_LIKE="rhel fedora"
VERSION_ID=1
"""


class PlainHost(Host):
    """A container whose process 1 reaps and does nothing else."""

    starts_with = ()
    is_systemd = False
    command = ("/bin/sh", "-c", "while :; do sleep 3600 & wait $!; done")

    def _await_ready(self, deadline: float) -> None:
        """There is nothing to wait for but its first process, which is there."""

    def poweroff(self, timeout: float = 0.0) -> None:
        """There is nobody to ask: the same as `kill`."""
        self.kill()

    def become_rpm(self) -> None:
        """Take dpkg and apt away, so that rpm is the only keeper of packages."""
        self.run(["sh", "-c", "rm -rf /var/lib/dpkg /var/lib/apt /usr/bin/apt* /usr/bin/dpkg*; rm -f /etc/os-release"])
        self.write("/etc/os-release", _RPM_RELEASE)


def plain_recipe(suite: str) -> Recipe:
    """The root of plain hosts."""
    plugins = _PLUGINS.get(suite, ("dnf-plugins-core",))
    return Recipe(suite, architecture(), tuple(sorted({*_INSTALLED, *plugins})), _LEFT_OUT, _FINISH)


def plain_available(suite: str = DEFAULT_SUITE, environ: Mapping[str, str] | None = None) -> str | None:
    """As `available`: None, or why such a host cannot be started, its own root included."""
    environ = os.environ if environ is None else environ
    reason = available(suite, environ)
    if reason is not None or is_cached(places(environ), plain_recipe(suite)):
        return reason
    address = mirror(environ)
    return None if address is None else missing_suite(address, suite)


@contextmanager
def plain_host(
    suite: str = DEFAULT_SUITE, name: str | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[PlainHost]:
    """A running plain host, gone without a trace at the end of the block."""
    with terminable():
        started = start_plain_host(suite, name or f"plain-{os.urandom(3).hex()}", environ)
        try:
            yield started
        finally:
            with signals_held():
                started.remove()


def start_plain_host(suite: str, name: str, environ: Mapping[str, str] | None = None) -> PlainHost:
    """A running plain host that this process owns and has to remove; tests want `plain_host`."""
    environ = os.environ if environ is None else environ
    where = places(environ)
    instances.sweep(where)
    floor = root(where, plain_recipe(suite), environ)
    instance = instances.create(where, name, suite)
    host = PlainHost(instance, repository(where, floor))
    try:
        instances.mount(instance, floor.tree)
        make_cgroups(instance.cgroups)
        host.start()
    except BaseException:
        with signals_held():
            host.remove()
        raise
    return host
