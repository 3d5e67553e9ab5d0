"""Files, directories and links that appear whole or not at all: made beside their place, finished there, then renamed.

What is being made is readable by its owner only until its final owner and mode are set. Its name is derived from its
place; where somebody blocks that name on purpose, a random one is taken.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from typing import Callable, Iterable, Optional, Tuple, TypeVar

from .folders import DIRECTORY, Folder

T = TypeVar("T")

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT_ATTRIBUTES = ("security.selinux", "system.posix_acl_access", "user.")


@dataclass(frozen=True)
class Place:
    """Where something shall stand. `temporary` is the name under which it is made, in the same folder."""

    folder: Folder
    name: str
    temporary: str


@dataclass(frozen=True)
class Ownership:
    """Whose it shall be: ids, -1 for whatever the kernel gives; `mode` are permission bits."""

    user: int
    group: int
    mode: int


def place_of(folder: Folder, name: str) -> Place:
    """A place with its temporary name: the same in every run, so whoever comes next removes what a broken one left."""
    made_from = f"{folder.real}/{name}".encode(errors="surrogateescape")
    return Place(folder, name, ".aivp-" + hashlib.sha256(made_from).hexdigest()[:16])


def put_file(
    place: Place,
    data: Iterable[bytes],
    ownership: Ownership,
    *,
    like: Optional[int] = None,
    check: Optional[Callable[[str], None]] = None,
) -> None:
    """A regular file at `place`, durable but for its name: `sync` the folder afterwards.

    like: descriptor of the file that goes, whose label, access list and user attributes stay. check: called with the
    path of the finished file before it takes its place; what it raises leaves everything as it was.
    """
    name, descriptor = _fresh(place, lambda name: os.open(name, _NEW, 0o600, dir_fd=place.folder.fd))
    try:
        if like is not None:
            _copy_attributes(like, descriptor)
        for chunk in data:
            _write_all(descriptor, chunk)
        _own(descriptor, ownership)
        if check is not None:
            check(f"{place.folder.real}/{name}")
        os.fsync(descriptor)
        _rename(place, name)
    except BaseException:
        discard(place.folder, name)
        raise
    finally:
        os.close(descriptor)


def make_directory(place: Place, ownership: Ownership) -> None:
    """An empty directory at `place`, where nothing is."""
    name, _ = _fresh(place, lambda name: os.mkdir(name, 0o700, dir_fd=place.folder.fd))
    try:
        descriptor = os.open(name, os.O_RDONLY | DIRECTORY, dir_fd=place.folder.fd)
        try:
            _own(descriptor, ownership)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _rename(place, name)
    except BaseException:
        discard(place.folder, name)
        raise


def make_link(place: Place, target: str, user: int, group: int) -> None:
    """A symbolic link at `place`; whatever is no directory there goes."""
    name, _ = _fresh(place, lambda name: os.symlink(target, name, dir_fd=place.folder.fd))
    try:
        if (user, group) != (-1, -1):
            os.chown(name, user, group, dir_fd=place.folder.fd, follow_symlinks=False)
        _rename(place, name)
    except BaseException:
        discard(place.folder, name)
        raise


def adjust(folder: int, name: str, user: int, group: int, mode: Optional[int]) -> None:
    """Owner, group and mode of what lies at `name`, itself and not what a link points to; -1 and None leave alone."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        found = os.fstat(descriptor)
        itself = f"/proc/self/fd/{descriptor}"
        if user not in (-1, found.st_uid) or group not in (-1, found.st_gid):
            os.chown(itself, user, group)
            found = os.fstat(descriptor)
        if mode is not None and stat.S_IMODE(found.st_mode) != mode:
            os.chmod(itself, mode)
        if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
            _sync_inode(itself)
    finally:
        os.close(descriptor)


def discard(folder: Folder, name: str) -> None:
    """Remove an unfinished thing, as far as that is possible."""
    try:
        os.unlink(name, dir_fd=folder.fd)
    except IsADirectoryError:
        try:
            os.rmdir(name, dir_fd=folder.fd)
        except OSError:
            return
    except OSError:
        return


def _fresh(place: Place, make: Callable[[str], T]) -> Tuple[str, T]:
    """Make something under the temporary name or, if need be, under a random one."""
    discard(place.folder, place.temporary)
    names = [place.temporary] + [f".aivp-{secrets.token_hex(8)}" for _ in range(2)]
    for name in names[:-1]:
        try:
            return name, make(name)
        except FileExistsError:
            continue
    return names[-1], make(names[-1])


def _rename(place: Place, name: str) -> None:
    os.rename(name, place.name, src_dir_fd=place.folder.fd, dst_dir_fd=place.folder.fd)


def _own(descriptor: int, ownership: Ownership) -> None:
    found = os.fstat(descriptor)
    if ownership.user not in (-1, found.st_uid) or ownership.group not in (-1, found.st_gid):
        os.fchown(descriptor, ownership.user, ownership.group)
    os.fchmod(descriptor, ownership.mode)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _copy_attributes(source: int, target: int) -> None:
    """Attributes come before content: a list of who else may read must not open what is still to be written."""
    try:
        names = [name for name in os.listxattr(source) if name.startswith(_KEPT_ATTRIBUTES)]
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EPERM, errno.EACCES):
            return
        raise
    for name in names:
        os.setxattr(target, name, os.getxattr(source, name))
    if names:
        os.fchmod(target, 0o600)


def _sync_inode(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
