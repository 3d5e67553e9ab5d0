"""A program of its own: a list of owners, permissions and attributes → those of the files that it names.

Run as `python3 -I extract_owners.py FOLDER LIST [-- ARGV...]`, as root or under fakeroot; ARGV, which writes the file
system, then takes its place. It imports nothing of ours and follows no link.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from typing import Any, List

NS = 1_000_000_000


def encoded(path: bytes, node: Any) -> bytes:
    """A line of the list: path, mode, owner, group, time, attributes, what it is."""
    xattrs = {name.decode("latin-1"): base64.b64encode(value).decode() for name, value in node.xattrs.items()}
    line = [path.decode("latin-1"), node.mode, node.uid, node.gid, node.mtime, xattrs, node.kind]
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def restore(folder: str, listed: str) -> None:
    """Make the list true beneath `folder`. Folders come last, so that the times of none are touched again."""
    os.chdir(folder)
    times: List[Any] = []
    with open(listed, "rb") as lines:
        for line in lines:
            name, mode, uid, gid, mtime, xattrs, kind = json.loads(line)
            path = name.encode("latin-1")
            if stat.S_ISLNK(os.lstat(path).st_mode) != (kind == "symlink"):
                sys.exit(f"{name} is not what was laid out")
            os.chown(path, uid, gid, follow_symlinks=False)
            if kind != "symlink":
                os.chmod(path, mode)
                for key, value in xattrs.items():
                    os.setxattr(path, key.encode("latin-1"), base64.b64decode(value), follow_symlinks=False)
            if kind == "directory":
                times.append((path, mtime))
            else:
                os.utime(path, ns=(mtime * NS, mtime * NS), follow_symlinks=False)
    for path, mtime in reversed(times):
        os.utime(path, ns=(mtime * NS, mtime * NS))


if __name__ == "__main__":
    restore(sys.argv[1], sys.argv[2])
    if sys.argv[3:4] == ["--"]:
        os.execvp(sys.argv[4], sys.argv[4:])  # noqa: S606  # as fakeroot's child, in the same process
