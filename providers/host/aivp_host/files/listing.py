"""What lies beneath a folder → declarations that change nothing. Opens no file before its type is known.

A content that not everybody may read stays on the host, as it does in observations; so does one that no declaration
could hold. Such a file is listed without it, and a note says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Iterator, Optional, Tuple

from aivp_sdk import Blob, Json, Listed, Permanent, attribute

from .accounts import Accounts
from .contents import TEXT_LIMIT, is_private, read_bounded
from .failures import explain
from .folders import Folder, Folders, split
from .found import Found, as_found, look, open_directory, opened
from .tree import BACKUP, MAX_DEPTH, mount_of

_PRIVATE = "its content is not listed: not everybody may read it"
_LARGE = "its content is not listed: it is larger than 64 KiB"
_BINARY = "its content is not listed: it is not UTF-8"
_GONE = "its content is not listed: it could not be read"


@dataclass
class Within:
    """Where to look."""

    under: str = attribute(
        "The folder, listed with all beneath, or the file. Mounts are not crossed, links not followed.",
        required=True,
        semantic="path",
    )
    max_entries: int = attribute("Refuse a folder that holds more.", default=10_000, minimum=1)


def entries(within: Within) -> Iterator[Listed]:
    """The folder and everything beneath it that can be declared. Raises Permanent where it cannot be looked at."""
    above, name = split(within.under)
    with Folders() as folders:
        try:
            folder = folders.folder(above)
            found = look(folder, name)
        except OSError as error:
            raise explain(error, within.under) from None
        if found is None:
            raise Permanent(
                f"there is no {within.under} on this host", path="/under", mend="Name a folder that is there."
            )
        walk = _Walk(within, Accounts())
        yield from walk.entry(folder.fd, name, within.under, found, 0)


class _Walk:
    def __init__(self, within: Within, accounts: Accounts) -> None:
        self.within = within
        self.accounts = accounts
        self.seen = 0

    def entry(self, folder: int, name: str, path: str, found: Found, depth: int) -> Iterator[Listed]:
        self._count()
        if found.type not in ("file", "directory", "link") or not _is_text(path):
            return
        attributes = {"path": path}
        if found.type != "file":
            attributes["state"] = found.type
        if found.type == "link":
            target = os.readlink(name, dir_fd=folder)
            if target and _is_text(target):
                yield Listed({**attributes, "target": target})
            return
        attributes["owner"] = self.accounts.shown("owner", found.stat.st_uid, None)
        attributes["group"] = self.accounts.shown("group", found.stat.st_gid, None)
        attributes["mode"] = f"{found.mode:04o}"
        if found.type == "file":
            content, note = _content(folder, name, found)
            yield Listed(attributes if content is None else {**attributes, "content": content}, note=note)
            return
        yield Listed(attributes)
        yield from self._beneath(folder, name, path, depth)

    def _beneath(self, folder: int, name: str, path: str, depth: int) -> Iterator[Listed]:
        if depth >= MAX_DEPTH:
            raise Permanent(f"{path}: directories more than {MAX_DEPTH} deep", mend="Look further down.")
        try:
            descriptor = open_directory(folder, name)
        except OSError as error:
            raise explain(error, path) from None
        try:
            if depth and mount_of(descriptor) != mount_of(folder):
                return
            for inner in sorted(os.listdir(descriptor)):
                if inner.endswith(BACKUP):
                    continue
                try:
                    found = as_found(os.stat(inner, dir_fd=descriptor, follow_symlinks=False))
                except FileNotFoundError:
                    continue  # it went while we looked
                yield from self.entry(descriptor, inner, f"{path}/{inner}", found, depth + 1)
        finally:
            os.close(descriptor)

    def _count(self) -> None:
        self.seen += 1
        if self.seen > self.within.max_entries:
            raise Permanent(
                f"{self.within.under} holds more than {self.within.max_entries} entries",
                path="/max_entries",
                mend="Look further down, or raise max_entries.",
            )


def _content(folder: int, name: str, found: Found) -> Tuple[Optional[Json], str]:
    """The text of a file, or why it is not shown."""
    if is_private(found.mode):
        return None, _PRIVATE
    try:
        with opened(Folder(folder, name), name) as descriptor:
            if is_private(os.fstat(descriptor).st_mode):
                return None, _PRIVATE
            data = read_bounded(descriptor, TEXT_LIMIT)
    except OSError:
        return None, _GONE
    if isinstance(data, Blob):
        return None, _LARGE
    try:
        return data.decode(), ""
    except UnicodeDecodeError:
        return None, _BINARY


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
