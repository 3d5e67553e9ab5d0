"""Sources and names of packages → exactly which packages apt would install, and those packages on this disk.

apt of the host works in folders of its own below the cache: nothing of the host's own apt is read or changed, but for
its proxies and checks of dates. Knows nothing of images.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple
from urllib.parse import unquote

from aivp_sdk import Permanent, ProviderError, Temporary

from .workshop import Workshop

_HELPER = "/usr/lib/apt/apt-helper"
_CARRIED = ("Acquire::http", "Acquire::https", "Acquire::Check-Valid-Until", "Acquire::Check-Date")
_KEPT = 30 * 24 * 3600
_LISTS = "Created-By: Packages"
_STRICT = "APT::Update::Error-Mode=any"
_URI = re.compile(r"'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>[0-9]+) (?P<hash>\S*)")
_ERROR = re.compile(r"E:|Err:|W: GPG| +\S+ : (Pre)?(Depends|Conflicts|Breaks): ")
_PRIORITIES = {
    "essential": (),
    "apt": (),
    "minbase": ("required",),
    "standard": ("required", "important", "standard"),
}


@dataclass(frozen=True)
class Package:
    """One package as the mirror has it. `hash` as apt says it, such as SHA256:…; `size` in bytes."""

    name: str
    version: str
    architecture: str
    size: int
    hash: str

    @property
    def file(self) -> str:
        """The name of its file in apt's cache."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


@dataclass(frozen=True)
class Sources:
    """Where packages come from: lines of sources.list, the keys that sign them, and whose machines they are for."""

    lines: Tuple[str, ...]
    keyring: str
    architecture: str

    @property
    def key(self) -> str:
        """Tells these sources apart from others in the cache."""
        return hashlib.sha256("\n".join([*self.lines, self.keyring, self.architecture]).encode()).hexdigest()[:16]


class Apt:
    """apt for one set of sources."""

    def __init__(self, sources: Sources, workshop: Workshop) -> None:
        self.sources = sources
        self.workshop = workshop
        self.folder = workshop.cache("debian") / f"apt-{sources.key}"
        self.archives = workshop.cache("debian") / "packages"

    def update(self) -> None:
        """Ask the mirrors for their lists; what did not change is not fetched again. Raises Temporary."""
        self._prepare()
        try:
            self._run(
                "apt-get", ["update", "-o", "APT::Update::Error-Mode=any"], doing="asking the mirror for its packages"
            )
        except Permanent as error:
            raise _unreached(error) from None

    def resolve(self, variant: str, names: Sequence[str], *, recommends: bool) -> List[Package]:
        """What apt would install into an empty system, sorted. Raises Permanent for names that it does not know."""
        # It leaves out what it has fetched already: so it looks into an empty folder.
        empty = f"Dir::Cache::archives={self.folder / 'cache'}"
        argv = ["--print-uris", "--yes", "-o", empty, "install", *_options(recommends), *self._floor(variant), *names]
        try:
            lines = self._run("apt-get", argv, doing="choosing packages")
        except Permanent as error:
            if error.mend is not None:
                raise
            raise Permanent(_blame(error.message), path="/debian/packages", mend=_unknown(error.message)) from None
        found = [_package(match) for match in map(_URI.fullmatch, lines) if match]
        return sorted(found, key=lambda package: (package.name, package.architecture))

    def fetch(self, packages: Sequence[Package]) -> None:
        """Have the files of these packages in `archives`, checked by apt."""
        (self.archives / "partial").mkdir(parents=True, exist_ok=True)
        total = sum(package.size for package in packages)

        def said(_: str) -> str:
            there = sum(package.size for package in packages if (self.archives / package.file).is_file())
            return f"fetching packages: {there >> 20} of {total >> 20} MiB"

        _tidy(self.archives, packages)
        if all(_is_there(self.archives, package) for package in packages):
            return
        argv = ["--download-only", "--yes", "install", "--no-install-recommends", *map(_exactly, packages)]
        try:
            self._run("apt-get", argv, doing="fetching packages", said=said)
        except Permanent as error:
            raise _unreached(error) from None

    def stanzas(self, packages: Sequence[Package]) -> bytes:
        """What the mirror's lists say of these packages, for a repository that holds their files beside it."""
        lines = self._run("apt-cache", ["show", "--no-all-versions", *map(_exactly, packages)], doing="reading lists")
        files = {(package.name, package.version, package.architecture): package.file for package in packages}
        found: Dict[Tuple[str, str, str], str] = {}
        for stanza in "\n".join(lines).strip().split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Architecture): (.*)$", stanza, re.MULTILINE))
            key = (fields.get("Package", ""), fields.get("Version", ""), fields.get("Architecture", ""))
            if key in files:
                found[key] = re.sub(r"(?m)^Filename: .*$", f"Filename: ./{files[key]}", stanza)
        return ("\n\n".join(found[key] for key in sorted(found)) + "\n").encode()

    def _floor(self, variant: str) -> List[str]:
        """What a variant has before anything else, as mmdebstrap sees it."""
        wanted = _PRIORITIES[variant]
        names = self._with_priority(wanted) if wanted else []
        return ["?essential", *(["apt"] if variant != "essential" else []), *names]

    def _with_priority(self, wanted: Sequence[str]) -> List[str]:
        """Names of packages of these priorities. The lists are 50 MB and more: they are searched, not parsed."""
        found: Set[str] = set()
        for file in self._run("apt-get", ["indextargets", "--format", "$(FILENAME)", _LISTS], doing="reading lists"):
            text = self.workshop.output([_HELPER, "cat-file", file], env=self._environment())
            for priority in wanted:
                found.update(_above(text, f"\nPriority: {priority}\n".encode()))
        return sorted(found)

    def _prepare(self) -> None:
        for name in ("etc/preferences.d", "lists/partial", "cache"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.archives.mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "etc/sources.list").write_text("".join(f"{_copied(line)}\n" for line in self.sources.lines))
        (self.folder / "apt.conf").write_text(self._configuration())

    def _configuration(self) -> str:
        carried = self.workshop.run(
            ["apt-config", "dump", "--format", '%F "%v";%n', *_CARRIED], doing="reading the settings of apt"
        )
        machine = self.sources.architecture
        settings = {
            "Dir": str(self.folder),
            "Dir::Etc": str(self.folder / "etc"),
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": "/dev/null",
            "Dir::Etc::trusted": self.sources.keyring or "/dev/null",
            "Dir::Etc::trustedparts": "/dev/null",
            "Dir::State": str(self.folder),
            "Dir::State::lists": str(self.folder / "lists"),
            "Dir::State::status": str(self.folder / "status"),
            "Dir::Cache": str(self.folder / "cache"),
            "Dir::Cache::archives": str(self.archives),
            "APT::Architecture": machine,
            "APT::Sandbox::User": "root",  # the folders are closed to all others
            "Acquire::Languages": "none",
            "Acquire::GzipIndexes": "true",
            "Acquire::ForceHash": "SHA256",
            "Acquire::Retries": "3",
        }
        lines = ["#clear APT::Architectures;", f'APT::Architectures {{ "{machine}"; }};']
        return "\n".join([*carried, *(f'{name} "{value}";' for name, value in settings.items()), *lines, ""])

    def _environment(self) -> Dict[str, str]:
        return {"APT_CONFIG": str(self.folder / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}

    def _run(
        self, program: str, argv: Sequence[str], *, doing: str, said: Optional[Callable[[str], str]] = None
    ) -> List[str]:
        full = [self.workshop.program(program, "apt"), *argv]
        return self.workshop.run(full, doing=doing, env=self._environment(), said=said)


def _above(text: bytes, line: bytes) -> Iterator[str]:
    """The names of the packages in whose stanzas `line` stands."""
    at = text.find(line)
    while at >= 0:
        start = text.rfind(b"\n\n", 0, at)
        name = text.find(b"Package: ", max(start, 0))
        yield text[name + 9 : text.find(b"\n", name)].decode(errors="replace")
        at = text.find(line, at + 1)


def _options(recommends: bool) -> List[str]:
    return ["--install-recommends" if recommends else "--no-install-recommends"]


def _package(match: re.Match[str]) -> Package:
    name, version, rest = match["file"].split("_", 2)
    return Package(name, unquote(version), rest[: -len(".deb")], int(match["size"]), match["hash"])


def _exactly(package: Package) -> str:
    machine = "" if package.architecture == "all" else f":{package.architecture}"
    return f"{package.name}{machine}={package.version}"


def _tidy(folder: Path, packages: Sequence[Package]) -> None:
    """Of packages that nobody asked for in a month, none stays."""
    wanted, now = {package.file for package in packages}, time.time()
    for file in folder.glob("*.deb"):
        if file.name in wanted:
            os.utime(file)
        elif file.stat().st_mtime < now - _KEPT:
            file.unlink()


def _is_there(folder: Path, package: Package) -> bool:
    try:
        return os.stat(folder / package.file).st_size == package.size
    except FileNotFoundError:
        return False


def _copied(line: str) -> str:
    """A repository on this disk is copied from: apt would leave its packages where they are."""
    return re.sub(r"(?<=\s)file:", "copy:", line)


def _unreached(error: Permanent) -> ProviderError:
    """What has a way out already, such as a full disk, as it is; else the mirror is at fault, and may be back."""
    if error.mend is not None:
        return error
    return Temporary(_blame(error.message), path="/debian/mirror", mend=_mend(error.message))


def _blame(message: str) -> str:
    """Of what apt said, the lines that are errors, and which packages cannot be together."""
    first, _, last = message.partition("\n")
    errors = [line.strip() for line in last.splitlines() if _ERROR.match(line)]
    return f"{first.split(' failed:')[0]} failed:\n" + "\n".join(errors[-6:] or last.splitlines()[-6:])


def _mend(message: str) -> str:
    if "NO_PUBKEY" in message or "is not signed" in message or "isn't signed" in message:
        return "Name the file with the keys of this mirror as `debian.keyring`."
    return "See that this host reaches the mirror, and that it has this suite."


def _unknown(message: str) -> str:
    if (
        "Unable to locate package" in message
        or "has no installation candidate" in message
        or "was not found" in message
    ):
        return "Look for its name in this suite; `components` and `sources` say where apt looks."
    return "See which of the packages cannot be together."
