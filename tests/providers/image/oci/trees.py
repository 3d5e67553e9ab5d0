"""What a tree of layers, and a folder on disk, hold: name → everything that a guest could see of it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from aivp_image.oci_layers import unpack
from aivp_image.oci_layout import Layout
from aivp_image.oci_tree import Limits, Tree

from tests.providers.image.oci.layouts import image

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo"}


def tree_of(layout: Path, pool: Path, limits: Limits | None = None) -> Tree:
    with closing(Layout(str(layout))) as opened:
        manifest = opened.manifest(None, None, os.uname().machine)
        return unpack(opened, manifest, pool, limits or Limits(), lambda *_: None)


def made(place: Path, layers: Sequence[bytes], **more: Any) -> dict[bytes, dict[str, Any]]:
    """The tree of an image with these layers."""
    tree = tree_of(image(place / "layout", layers, **more), place / "pool")
    return of_tree(tree, place / "pool")


def of_tree(tree: Tree, pool: Path) -> dict[bytes, dict[str, Any]]:
    found: dict[bytes, dict[str, Any]] = {}
    first: dict[int, bytes] = {}
    for path, node in tree.walk():
        name = b"/".join(path)
        seen: dict[str, Any] = {"kind": node.kind, "uid": node.uid, "gid": node.gid, "mtime": node.mtime}
        if node.kind == "symlink":
            seen["link"] = node.link
        else:
            seen["mode"] = node.mode
            seen["xattrs"] = dict(node.xattrs)
        if node.kind == "file":
            data = (pool / str(node.content)).read_bytes() if node.content else b""
            assert len(data) == node.size
            seen["content"] = hashlib.sha256(data).hexdigest()
            seen["same as"] = first.setdefault(id(node), name)
        found[name] = seen
    return found


def of_folder(root: Path) -> dict[bytes, dict[str, Any]]:
    """The same of what another tool unpacked."""
    found: dict[bytes, dict[str, Any]] = {}
    first: dict[int, bytes] = {}
    base = os.fsencode(root)
    names = []
    for folder, folders, files in os.walk(base):
        names += [os.path.join(folder, name)[len(base) + 1 :] for name in (*folders, *files)]
    for name in sorted(names, key=lambda item: item.split(b"/")):
        path = os.path.join(base, name)
        about = os.lstat(path)
        kind = TYPES[stat.S_IFMT(about.st_mode)]
        seen: dict[str, Any] = {"kind": kind, "uid": about.st_uid, "gid": about.st_gid, "mtime": int(about.st_mtime)}
        if kind == "symlink":
            seen["link"] = os.readlink(path)
        else:
            seen["mode"] = stat.S_IMODE(about.st_mode)
            seen["xattrs"] = {os.fsencode(key): os.getxattr(path, key) for key in sorted(os.listxattr(path))}
        if kind == "file":
            with open(path, "rb") as file:
                seen["content"] = hashlib.file_digest(file, "sha256").hexdigest()
            seen["same as"] = first.setdefault(about.st_ino, name)
        found[name] = seen
    return found
