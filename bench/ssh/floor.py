"""What a host has to do at least for a number of files, and nothing else: the program that the floor's message brings.

The message: `{folder, owner, group, mode, files: {name: text}, write}`. `main` compares content, owner, group and
permissions; what differs it writes whole: beside its place, fsynced, renamed, and the folder fsynced at the end.
"""

from __future__ import annotations

import json
import os
import stat
import sys

TYPE_CHECKING = False  # the floor does not pay for importing typing
if TYPE_CHECKING:
    from typing import Any


def main(message: Any) -> None:
    """Do what the message says, and answer with what differed."""
    folder, wanted = message["folder"], (message["owner"], message["group"], message["mode"])
    changed = [name for name, text in message["files"].items() if differs(f"{folder}/{name}", text.encode(), wanted)]
    if message["write"] and changed:
        for name in changed:
            write(f"{folder}/{name}", message["files"][name].encode(), wanted)
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    json.dump({"changed": changed}, sys.stdout)


def differs(path: str, data: bytes, wanted: tuple[int, int, int]) -> bool:
    """Whether the file has to be written. wanted: owner, group, permissions."""
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) != wanted:
            return True
        with open(path, "rb") as file:
            return file.read() != data
    except FileNotFoundError:
        return True


def write(path: str, data: bytes, wanted: tuple[int, int, int]) -> None:
    """A file that appears whole."""
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    os.write(descriptor, data)
    os.fchown(descriptor, wanted[0], wanted[1])
    os.fchmod(descriptor, wanted[2])
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(path + ".new", path)
