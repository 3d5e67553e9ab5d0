"""The small Debian packages that tests of the package kind need, as data, and how one becomes a .deb.

aivp-probe      1.0 and 2.0, with a conffile that differs between them
aivp-conflict   conflicts with aivp-probe
aivp-service    a systemd unit that is enabled and started by its installation, as Debian's own packages do
aivp-slow       its postinst takes some seconds and appends to /var/log/aivp-slow
aivp-broken     its postinst fails
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_EPOCH = "1700000000"  # for files in packages, so that the same definition gives the same bytes


@dataclass(frozen=True, slots=True)
class File:
    """A file of a package; `mode` is 0o755 for a script, else 0o644."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Package:
    """A package of architecture `all`: fields beyond the usual, files, conffiles, maintainer scripts by name."""

    name: str
    version: str
    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    conffiles: tuple[str, ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()


def build_package(package: Package, folder: Path, scratch: Path) -> Path:
    """Write NAME_VERSION_all.deb into `folder`; `scratch` is an empty folder that is used up."""
    tree = scratch / f"{package.name}_{package.version}"
    for path, text, mode in _entries(package):
        target = tree / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)
    result = folder / f"{tree.name}_all.deb"
    argv = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(tree), str(result)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _EPOCH}
    subprocess.run(argv, env=environment, capture_output=True, check=True)
    return result


def own_packages() -> tuple[Package, ...]:
    """All packages that the lab makes itself."""
    return (_probe("1.0"), _probe("2.0"), _conflict(), _service(), _slow(), _broken())


def _entries(package: Package) -> list[tuple[str, str, int]]:
    control = {
        "Package": package.name,
        "Version": package.version,
        "Architecture": "all",
        "Maintainer": "aivp lab <lab@example.invalid>",
        **dict(package.fields),
        "Description": f"test package {package.name} of the aivp lab",
    }
    entries = [("DEBIAN/control", "".join(f"{name}: {value}\n" for name, value in control.items()), 0o644)]
    if package.conffiles:
        entries.append(("DEBIAN/conffiles", "".join(f"{path}\n" for path in package.conffiles), 0o644))
    entries += [(f"DEBIAN/{name}", text, 0o755) for name, text in package.scripts]
    entries += [(file.path, file.text, file.mode) for file in package.files]
    return entries


def _probe(version: str) -> Package:
    return Package(
        name="aivp-probe",
        version=version,
        files=(
            File("/etc/aivp-probe.conf", f"# aivp-probe\nversion = {version}\n"),
            File("/usr/bin/aivp-probe", f"#!/bin/sh\necho aivp-probe {version}\n", 0o755),
        ),
        conffiles=("/etc/aivp-probe.conf",),
    )


def _conflict() -> Package:
    return Package("aivp-conflict", "1.0", fields=(("Conflicts", "aivp-probe"),))


def _slow() -> Package:
    postinst = """\
#!/bin/sh
set -e
echo "begin $1" >> /var/log/aivp-slow
sleep 4
echo "end $1" >> /var/log/aivp-slow
"""
    return Package("aivp-slow", "1.0", scripts=(("postinst", postinst),))


def _broken() -> Package:
    postinst = "#!/bin/sh\necho 'aivp-broken: this always fails' >&2\nexit 1\n"
    return Package("aivp-broken", "1.0", scripts=(("postinst", postinst),))


def _service() -> Package:
    # What it was told last is in /run/aivp-service/config; each start and reload adds a line to its log.
    loop = """\
#!/bin/sh
read_config() {
    cp /etc/aivp-service.conf /run/aivp-service/config
    echo "$1" >> /var/log/aivp-service
}
trap 'read_config reload' HUP
trap 'exit 0' TERM
read_config start
while :; do
    sleep 3600 &
    wait $! || true
done
"""
    unit = """\
[Unit]
Description=A service that remembers its starts and reloads

[Service]
ExecStart=/usr/lib/aivp-service/loop
ExecReload=/bin/kill -HUP $MAINPID
RuntimeDirectory=aivp-service

[Install]
WantedBy=multi-user.target
"""
    postinst = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    deb-systemd-helper unmask aivp-service.service >/dev/null || true
    if deb-systemd-helper --quiet was-enabled aivp-service.service; then
        deb-systemd-helper enable aivp-service.service >/dev/null || true
    fi
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
        deb-systemd-invoke start aivp-service.service >/dev/null || true
    fi
fi
"""
    prerm = """\
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop aivp-service.service >/dev/null || true
fi
"""
    postrm = """\
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
fi
if [ "$1" = purge ]; then
    deb-systemd-helper purge aivp-service.service >/dev/null || true
    rm -f /var/log/aivp-service
fi
"""
    return Package(
        name="aivp-service",
        version="1.0",
        files=(
            File("/etc/aivp-service.conf", "greeting = hello\n"),
            File("/usr/lib/aivp-service/loop", loop, 0o755),
            File("/usr/lib/systemd/system/aivp-service.service", unit),
        ),
        conffiles=("/etc/aivp-service.conf",),
        scripts=(("postinst", postinst), ("postrm", postrm), ("prerm", prerm)),
    )
