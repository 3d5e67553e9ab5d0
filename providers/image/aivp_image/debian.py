"""`debian`: suite, packages, files, users, hooks → resolved packages → a root → disk, kernel and initramfs.

What apt resolved is part of the image's digest; what the mirror has by now matters only where `upgrades` says so.
"""

from __future__ import annotations

import json
import os
import platform
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from aivp_sdk import Json, Permanent, ProviderError

from .debian_apt import Apt, Package, Sources
from .debian_build import build
from .debian_shown import declared, is_same, newer, with_versions
from .declaration import ACCOUNT, Account, Debian, Image
from .guest_helper import HelperFile, digest, helper_files
from .recipe import Before, Maker, Outlook, Recipe, common
from .workshop import Workshop

BUILDER = 1
"""Grows whenever the same declaration and packages give another image."""
GUEST = ("busybox-static", "dbus", "iproute2", "openssh-server", "python3", "systemd-sysv", "udev")
"""What every guest has: what starts it, and what aivp works with."""
PACKAGES = "packages.json"
"""Beside image.json: the packages of the image, each with its hash."""
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_KEYRINGS = {name: f"/usr/share/keyrings/{name}-archive-keyring.gpg" for name in ("debian", "ubuntu")}
_STUB_IN_SYSTEMD = ("bullseye", "focal", "jammy")
_TOLD = 8


class DebianMaker(Maker):
    """Images from Debian packages."""

    def check(self, desired: Image) -> None:
        """Files have one content, hooks one form, and users of this machine's kind of password."""
        debian = _of(desired)
        for number, file in enumerate(debian.files or []):
            if sum(value is not None for value in (file.content, file.source, file.link)) > 1:
                raise Permanent(f"{file.path} has more than one content", path=f"/debian/files/{number}")
        for number, hook in enumerate(debian.hooks or []):
            if (hook.argv is None) == (hook.shell is None):
                raise Permanent("a hook is either argv or shell", path=f"/debian/hooks/{number}")
        for number, account in enumerate(debian.users or []):
            _check_account(account, f"/debian/users/{number}")
        if not debian.mirror and not debian.sources:
            raise Permanent("there is neither a mirror nor other sources", path="/debian/mirror")

    def foresee(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Outlook:
        """As declared. The mirror is asked only where an image is there and `upgrades` says so."""
        _keep_off_argv(_of(desired), workshop.session.secrets)
        found = declared(_of(desired))
        if before is None or not before.folder.is_dir():
            return Outlook(found)
        if desired.upgrades == "follow":
            now = _versions(_resolved(desired, workshop))
            return Outlook(with_versions(found, before.shown, _packages_of(before.folder), now))
        if desired.upgrades == "tell":
            _tell(desired, before, workshop)
        return Outlook(before.shown if is_same(found, before.shown) else found)

    def prepare(self, desired: Image, before: Optional[Before], workshop: Workshop) -> Recipe:
        """Asks the mirror what its packages are now."""
        debian = _of(desired)
        _keep_off_argv(debian, workshop.session.secrets)
        apt = Apt(_sources(debian), workshop)
        packages = _resolved(desired, workshop)
        shown = declared(debian)
        if before is not None and desired.upgrades == "follow":
            shown = with_versions(shown, before.shown, _packages_of(before.folder), _versions(packages))
        helper = helper_files() if debian.helper else []
        parts = {
            **common(desired),
            "builder": BUILDER,
            "debian": {**declared(debian), "architecture": apt.sources.architecture},
            "helper": digest(helper),
            "packages": _listed(packages),
        }
        return Recipe(parts, lambda draft: _fill(desired, apt, packages, helper, draft, workshop), shown)


MAKER = DebianMaker()


def _fill(
    desired: Image, apt: Apt, packages: Sequence[Package], helper: Sequence[HelperFile], draft: Path, workshop: Workshop
) -> Any:
    (draft / PACKAGES).write_text(json.dumps(_listed(packages)), encoding="utf-8")
    apt.fetch(packages)
    return build(desired, apt, packages, helper, draft, workshop)


def _check_account(account: Account, path: str) -> None:
    if account.password is not None and not re.fullmatch(r"[*!]|\$[^:\s]+", account.password):
        mend = "Make one with `mkpasswd -m yescrypt` or `openssl passwd -6`; * stands for no password."
        raise Permanent("this is not the hash of a password", path=f"{path}/password", mend=mend)
    for group in account.groups or []:
        if not re.fullmatch(ACCOUNT, group):
            raise Permanent(f"{group!r} cannot be the name of a group", path=f"{path}/groups")


def _keep_off_argv(debian: Debian, secrets: Sequence[str]) -> None:
    """Others on the host can see what processes are started with."""
    for number, hook in enumerate(debian.hooks or []):
        if any(secret in word for word in hook.argv or [] for secret in secrets if secret):
            mend = "Put it into a file with `files`, or take `shell`, whose text nobody sees."
            raise Permanent("a secret would be in an argv", path=f"/debian/hooks/{number}/argv", mend=mend)


def _of(desired: Image) -> Debian:
    assert desired.debian is not None
    return desired.debian


def _sources(debian: Debian) -> Sources:
    machine = debian.architecture or _MACHINES.get(platform.machine(), platform.machine())
    lines = list(debian.sources or [])
    keyring = debian.keyring or next((path for path in _KEYRINGS.values() if os.path.exists(path)), "")
    if debian.mirror:
        lines.insert(0, f"deb {debian.mirror} {debian.suite} {' '.join(debian.components)}")
        if not debian.keyring:
            keyring = _KEYRINGS["ubuntu" if "ubuntu" in debian.mirror else "debian"]
        if not os.path.exists(keyring):
            raise Permanent(
                f"the keys of the mirror are not there: {keyring}",
                path="/debian/keyring",
                mend="Install debian-archive-keyring on this host, or name the file with the keys.",
            )
    return Sources(tuple(lines), keyring, machine)


def _resolved(desired: Image, workshop: Workshop) -> List[Package]:
    debian = _of(desired)
    apt = Apt(_sources(debian), workshop)
    apt.update()
    machine = apt.sources.architecture
    names = {*GUEST, *debian.packages, debian.kernel or f"linux-image-cloud-{machine}"}
    if any(account.sudo for account in debian.users or []):
        names.add("sudo")
    if desired.boot == "firmware" and debian.suite not in _STUB_IN_SYSTEMD:
        names.add("systemd-boot-efi")
    versions = debian.versions or {}
    names = {name for name in names if name not in versions} | {f"{name}={versions[name]}" for name in versions}
    return apt.resolve(debian.variant, sorted(names), recommends=debian.recommends)


def _tell(desired: Image, before: Before, workshop: Workshop) -> None:
    try:
        now = _versions(_resolved(desired, workshop))
    except ProviderError as error:
        workshop.session.log(f"image.{desired.name}: whether newer packages are there is unknown: {error}", "warning")
        return
    had = _packages_of(before.folder)
    names = newer(had, now)
    if names:
        told = ", ".join(f"{name} {had[name]} → {now[name]}" for name in names[:_TOLD])
        more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
        what = f"image.{desired.name}: newer packages are there: {told}{more}"
        workshop.session.log(f"{what}; `upgrades: follow` takes them", "warning")


def _versions(packages: Sequence[Package]) -> Dict[str, str]:
    return {package.name: package.version for package in packages}


def _packages_of(folder: Path) -> Mapping[str, str]:
    try:
        listed = json.loads((folder / PACKAGES).read_text(encoding="utf-8"))
        return {name: version for name, version, _, _ in listed}
    except (OSError, ValueError):
        return {}


def _listed(packages: Sequence[Package]) -> List[Json]:
    return [[package.name, package.version, package.architecture, package.hash] for package in packages]
