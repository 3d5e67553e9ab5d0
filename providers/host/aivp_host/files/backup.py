"""Keeps previous content, with its owner and mode, beside the file or in a folder of its own."""

from __future__ import annotations

import os
from typing import Iterable

from aivp_sdk import Change

from .contents import CHUNK
from .declaration import File
from .found import Found, opened
from .tree import BACKUP
from .work import Work
from .write import Ownership, Place, put_file


def back_up(work: Work, change: Change[File], place: Place, found: Found) -> None:
    """Copy the file at `place` to its backup; an older one is replaced."""
    desired = change.desired
    path = desired.path
    if desired.backup_directory is not None:
        path = f"{desired.backup_directory}/{path[1:].replace('/', '%')}"
    ownership = Ownership(found.stat.st_uid, found.stat.st_gid, found.mode & 0o777)
    with opened(place.folder, place.name) as source:
        put_file(work.place(change, path + BACKUP), _chunks(source), ownership, like=source)


def _chunks(descriptor: int) -> Iterable[bytes]:
    while True:
        data = os.read(descriptor, CHUNK)
        if not data:
            return
        yield data
