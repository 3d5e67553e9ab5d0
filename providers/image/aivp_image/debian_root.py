"""Exact packages + what is put beside them → a tar of a Debian root, by mmdebstrap, as root or not.

mmdebstrap gets a repository on this disk that has exactly these packages and no others: it asks no mirror, and cannot
choose differently from what was resolved. Knows neither kernels nor disks.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import http.server
import os
import re
import tempfile
import threading
from pathlib import Path
from typing import Iterator, Optional, Sequence

from aivp_sdk import Permanent

from .debian_apt import Apt, Package
from .debian_inside import SCRIPT
from .store import remove_tree
from .workshop import Workshop

_OWN_NAMESPACES = (
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
)
_SHARED = "/var/tmp"  # noqa: S108  # a folder of a random name below it
_STAGES = re.compile(r"I: (.+?)\.\.\.$")


def epoch(archives: Path, packages: Sequence[Package]) -> int:
    """The time that the image calls now: when the newest of its packages was built. No file of them is newer."""
    return max(_built(archives / package.file) for package in packages)


def repository(apt: Apt, packages: Sequence[Package], folder: Path) -> None:
    """A flat repository of exactly these packages; their files are links to those in the cache."""
    folder.mkdir(parents=True)
    for package in packages:
        os.link(apt.archives / package.file, folder / package.file)
    (folder / "Packages").write_bytes(apt.stanzas(packages))


def root_tar(
    workshop: Workshop, draft: Path, packages: Sequence[Package], inside: bytes, options: Sequence[str], now: int
) -> Path:
    """The root as a tar. `draft` holds the repository; `inside`: from `debian_inside`; `options`: of dpkg."""
    mode = choose_mode(workshop)
    (draft / "inside.tar").write_bytes(inside)
    tar = draft / "root.tar"
    with _mirror(draft / "repository", mode) as source, _scratch(workshop, draft, mode) as scratch:
        argv = [
            *(_OWN_NAMESPACES if mode == "root" else ()),
            workshop.program("mmdebstrap", "mmdebstrap"),
            f"--mode={mode}",
            "--variant=apt" if any(package.name == "apt" for package in packages) else "--variant=essential",
            "--format=tar",
            "--skip=check/empty,check/signed-by,output/dev",
            f"--architectures={_architecture(packages)}",
            f"--include={','.join(package.name for package in packages)}",
            '--aptopt=APT::Sandbox::User "root";',
            '--aptopt=Acquire::Languages "none";',
            '--aptopt=Acquire::http::Proxy::127.0.0.1 "DIRECT";',
            *(f"--dpkgopt={option}" for option in ("force-unsafe-io", *options)),
            f"--customize-hook=tar-in {draft / 'inside.tar'} /",
            f'--customize-hook=chroot "$1" /bin/sh {SCRIPT}',
            "",
            str(tar),
            source,
        ]
        env = {"INITRD": "No", "SOURCE_DATE_EPOCH": str(now), "TMPDIR": str(scratch)}
        workshop.run(argv, doing="installing packages", env=env, said=_stage, mend=_MEND)
    return tar


_MEND = "See what it said; what a hook needs has to be among `debian.packages`."


def choose_mode(workshop: Workshop) -> str:
    """How mmdebstrap is to work here."""
    if workshop.is_root:
        return "root"
    if _has_subordinate_ids() and workshop.has("newuidmap"):
        return "unshare"
    if workshop.has("fakechroot") and workshop.has("fakeroot"):
        return "fakechroot"
    raise Permanent(
        "without root, an image needs subordinate ids or fakechroot, and this host has neither",
        path="/debian",
        mend="As root: apt-get install uidmap && usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
        f"{getpass.getuser()}; or apt-get install fakechroot fakeroot",
    )


def _has_subordinate_ids() -> bool:
    user, uid = getpass.getuser(), str(os.getuid())
    for name in ("/etc/subuid", "/etc/subgid"):
        try:
            lines = Path(name).read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        if not any(line.split(":")[0] in (user, uid) for line in lines):
            return False
    return True


@contextlib.contextmanager
def _mirror(folder: Path, mode: str) -> Iterator[str]:
    """The line of the repository. Users of a namespace cannot come into our folders: they get it from a local port."""
    if mode != "unshare":
        yield f"deb [trusted=yes] copy:{folder} ./"
        return
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"deb [trusted=yes] http://127.0.0.1:{server.server_address[1]}/ ./"
        finally:
            server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _scratch(workshop: Workshop, draft: Path, mode: str) -> Iterator[Path]:
    """Where the tree grows: in the draft, so that it goes with it, or where a namespace's users can come.

    What is theirs only they can remove: the rest of a build that was killed goes before the next one.
    """
    if mode != "unshare":
        (draft / "tmp").mkdir(exist_ok=True)
        yield draft / "tmp"
        return
    prefix = f"aivp-image-{os.getuid()}-"
    for left in sorted(Path(_SHARED).glob(f"{prefix}*")):
        if left.stat().st_uid == os.getuid() and not os.path.exists(f"/proc/{left.name[len(prefix) :].split('-')[0]}"):
            _remove_theirs(workshop, left)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=_SHARED))
    try:
        folder.chmod(0o1777)
        yield folder
    finally:
        _remove_theirs(workshop, folder)


def _remove_theirs(workshop: Workshop, folder: Path) -> None:
    inner = [str(path) for path in sorted(folder.iterdir())]
    if inner:
        helper = [workshop.program("mmdebstrap", "mmdebstrap"), "--unshare-helper", "rm", "-rf", "--", *inner]
        workshop.run(helper, doing="tidying up")
    remove_tree(folder)


def _architecture(packages: Sequence[Package]) -> str:
    return next(package.architecture for package in packages if package.architecture != "all")


def _stage(line: str) -> Optional[str]:
    match = _STAGES.fullmatch(line)
    return None if match is None else f"building the root: {match[1]}"


def _built(file: Path) -> int:
    """When a package was built, as its first member says."""
    with open(file, "rb") as opened:
        head = opened.read(8 + 60)
    return int(head[8 + 16 : 8 + 28])
