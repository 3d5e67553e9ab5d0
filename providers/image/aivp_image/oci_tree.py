"""Layers, one entry after the other → the tree that they make, whiteouts and links included, without a file system.

Every name is walked component by component in this tree alone, so no entry can reach anything of the host, whatever it
is called and whatever it links to. What is hostile, or what two tools would unpack differently, raises `Hostile`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Mapping, Optional, Set, Tuple

from .oci_tar import Entry, shown

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
LONGEST_COMPONENT = 255
LONGEST_PATH = 4000
MOST_LINKS = 40
"""Symbolic links that are followed on the way to one place, as in Linux."""
LAST_TIME = (1 << 34) - 1
"""Seconds that ext4 can hold."""
LAST_ID = (1 << 32) - 2
KEPT_XATTRS = (b"security.capability", b"user.")
HARMLESS_DEVICES = frozenset({(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)})
"""null, zero, full, random, urandom, tty, console, ptmx: the guest's kernel makes its own, so they are left out."""


Path = Tuple[bytes, ...]
"""The parts of a name, from the root."""


class Hostile(ValueError):
    """An entry that no image needs and that would do harm somewhere. The text says which and why."""


class TooLarge(Hostile):
    """More content than there is room for, which need not be meant to do harm."""


@dataclass(frozen=True)
class Limits:
    """What one image may be. size: bytes of content; depth: components of a name."""

    entries: int = 1_000_000
    size: int = 64 * 1024**3
    depth: int = 128
    xattr: int = 64 * 1024


@dataclass
class Node:
    """A thing of the tree: its kind as in `Entry`, never a hard link: two names of one file share the node.

    content: a number that whoever keeps contents gave it; 0 where there is none. names: how many it has.
    """

    kind: str
    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    size: int = 0
    content: int = 0
    link: bytes = b""
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict)
    children: Dict[bytes, Node] = field(default_factory=dict)
    names: int = 0


class Tree:
    """The root and what the layers so far made beneath it. `left_out`: remarks for people, by what was left out."""

    def __init__(self, limits: Optional[Limits] = None) -> None:
        self.root = Node("directory", 0o755)
        self.limits = limits or Limits()
        self.left_out: Dict[str, int] = {}
        self.dropped: List[int] = []
        """Contents that nothing refers to any more; whoever keeps them takes them from here."""
        self._entries = 0
        self._size = 0
        self._new: Set[Path] = set()
        self._whited: Set[Path] = set()

    def begin_layer(self) -> None:
        """What follows is another layer: whiteouts in it are about what is there now."""
        self._new, self._whited = set(), set()

    def admit(self, entry: Entry) -> bool:
        """Check an entry's own words and count it, before a byte of its content is read. False: it is left out."""
        self._entries += 1
        if self._entries > self.limits.entries:
            raise Hostile(f"there are more than {self.limits.entries} entries in its layers")
        self._size += entry.size
        if self._size > self.limits.size:
            raise TooLarge(f"its layers hold more than {self.limits.size} bytes, at {entry.shown}")
        if entry.uid > LAST_ID or entry.gid > LAST_ID:
            raise Hostile(f"{entry.shown} belongs to a user or group that no system can have")
        if entry.kind == "block device" or (
            entry.kind == "character device" and entry.device not in HARMLESS_DEVICES | {(0, 0)}
        ):
            raise Hostile(f"{entry.shown} is a {entry.kind} ({entry.device[0]}:{entry.device[1]})")
        if sum(len(name) + len(value) for name, value in entry.xattrs.items()) > self.limits.xattr:
            raise Hostile(f"{entry.shown} has more than {self.limits.xattr} bytes of extended attributes")
        if entry.kind == "character device":
            if entry.device == (0, 0):
                raise Hostile(f"{entry.shown} is a whiteout of overlayfs, which is none of a layer's")
            self._leave_out("devices that the kernel makes itself")
            components(entry.name, self.limits.depth, entry.shown)
            return False
        return True

    def add(self, entry: Entry, content: int = 0) -> None:
        """Bring an admitted entry in. Raises Hostile."""
        path = components(entry.name, self.limits.depth, entry.shown)
        if not path:
            if entry.kind != "directory":
                raise Hostile(f"the root itself is a {entry.kind}")
            self._describe(self.root, entry)
            return
        if any(part.startswith(WHITEOUT) for part in path[:-1]):
            raise Hostile(f"{entry.shown} lies in a folder that is named as a whiteout")
        name = path[-1]
        if name.startswith(WHITEOUT):
            self._white_out(path, entry)
            return
        parent, place = self._walk(path[:-1], entry.shown, make=True)
        self._refuse_twice((*place, name), entry)
        if entry.kind == "hard link":
            self._put(parent, name, self._linked(entry))
            return
        there = parent.children.get(name)
        if entry.kind == "directory" and there is not None and there.kind == "directory":
            self._describe(there, entry)
            return
        node = Node(entry.kind, entry.mode, size=entry.size, content=content, link=entry.link)
        if entry.kind == "symlink":
            _refuse_empty_link(entry)
        self._describe(node, entry)
        self._put(parent, name, node)

    def _refuse_twice(self, path: Path, entry: Entry) -> None:
        """A folder may come again, and after what is in it; whatever else does depends on who unpacks it."""
        if path in self._new:
            there = self.find(path)
            if entry.kind != "directory" or there is None or there.kind != "directory":
                raise Hostile(f"{entry.shown} is in one layer twice, so that two tools may unpack two different things")
        if path in self._whited:
            raise Hostile(f"{entry.shown} is both there and taken away in one layer")
        self._new.update(path[:count] for count in range(1, len(path) + 1))

    def find(self, path: Path) -> Optional[Node]:
        """What has this name, no link followed."""
        node = self.root
        for name in path:
            if name not in node.children:
                return None
            node = node.children[name]
        return node

    def resolve(self, path: str) -> Optional[Node]:
        """What a program inside would find under an absolute path, links followed; None where there is nothing."""
        try:
            found, _ = self._walk(components(path.lstrip("/").encode(), self.limits.depth, path), path)
        except (Hostile, KeyError):
            return None
        return found

    def walk(self) -> Iterator[Tuple[Path, Node]]:
        """Every name but the root, folders before what is in them, sorted by their bytes."""
        waiting: List[Tuple[Path, Node]] = [
            ((name,), node) for name, node in sorted(self.root.children.items(), reverse=True)
        ]
        while waiting:
            path, node = waiting.pop()
            yield path, node
            waiting += [((*path, name), child) for name, child in sorted(node.children.items(), reverse=True)]

    def put_file(self, path: str, node: Node) -> None:
        """A file or link of aivp's own, folders above it where they are missing; links on the way are followed."""
        *above, name = components(path.lstrip("/").encode(), self.limits.depth, path)
        parent, _ = self._walk(tuple(above), path, make=True)
        self._put(parent, name, node)

    def _walk(self, path: Path, what: str, *, make: bool = False) -> Tuple[Node, Path]:
        """The folder at `path` as a program inside would reach it, and its real place; made where it is missing.

        Links are followed as the guest's kernel would, from its own root. One that climbs out of it is hostile.
        """
        way: List[Node] = [self.root]
        place: List[bytes] = []
        left = list(reversed(path))
        followed = 0
        while left:
            name = left.pop()
            if name == b"..":
                if not place:
                    raise Hostile(f"{what} leads through a symbolic link out of the image")
                way.pop()
                place.pop()
                continue
            node = way[-1].children.get(name)
            if node is None:
                if not make:
                    raise KeyError(what)
                node = Node("directory", 0o755)
                way[-1].children[name] = node
            if node.kind == "symlink":
                followed += 1
                if followed > MOST_LINKS:
                    raise Hostile(f"{what} leads through symbolic links without end")
                if node.link.startswith(b"/"):
                    way, place = [self.root], []
                left += [part for part in reversed(node.link.split(b"/")) if part not in (b"", b".")]
                if len(left) + len(place) > 16 * self.limits.depth:
                    raise Hostile(f"{what} leads through symbolic links without end")
                continue
            if node.kind != "directory" and (left or make):
                raise Hostile(f"{what} lies beneath {shown(b'/'.join([*place, name]))}, which is a {node.kind}")
            way.append(node)
            place.append(name)
            if len(place) > self.limits.depth or sum(map(len, place)) + len(place) > LONGEST_PATH:
                raise Hostile(f"{what} lies deeper than {self.limits.depth} folders, or than {LONGEST_PATH} bytes")
        return way[-1], tuple(place)

    def _linked(self, entry: Entry) -> Node:
        """The node that a hard link names: of this or an earlier layer, never a folder."""
        target = components(entry.link, self.limits.depth, f"{entry.shown} links to {shown(entry.link)}, which")
        if not target:
            raise Hostile(f"{entry.shown} is a hard link to nothing")
        try:
            parent, _ = self._walk(target[:-1], f"the target of the hard link {entry.shown}")
            found = parent.children.get(target[-1])
        except KeyError:
            found = None
        if found is None:
            raise Hostile(f"{entry.shown} is a hard link to {shown(entry.link)}, which is not there")
        if found.kind == "directory":
            raise Hostile(f"{entry.shown} is a hard link to the folder {shown(entry.link)}")
        return found

    def _put(self, parent: Node, name: bytes, node: Node) -> None:
        there = parent.children.get(name)
        if there is node:
            raise Hostile(f"{shown(name)} is a hard link to itself")
        node.names += 1
        parent.children[name] = node
        if there is not None:
            self._release(there)

    def _release(self, node: Node) -> None:
        waiting = [node]
        while waiting:
            one = waiting.pop()
            one.names -= 1
            waiting += one.children.values()
            if one.kind == "file" and one.names <= 0 and one.content:
                self.dropped.append(one.content)

    def _white_out(self, path: Path, entry: Entry) -> None:
        """Take away what earlier layers made, never what this one did."""
        name = path[-1]
        if entry.kind != "file" or entry.size:
            raise Hostile(f"{entry.shown} is a whiteout and not an empty file")
        try:
            parent, place = self._walk(path[:-1], entry.shown)
        except KeyError:
            parent, place = Node("directory", 0o755), path[:-1]  # nothing is there that could go
        if name == OPAQUE:
            self._purge(parent, place)
            return
        hidden = name[len(WHITEOUT) :]
        if hidden in (b"", b".", b"..") or hidden.startswith(WHITEOUT):
            raise Hostile(f"{entry.shown} is a whiteout of nothing that could be there")
        if (*place, hidden) in self._new:
            raise Hostile(f"{entry.shown} takes away what the same layer has made")
        self._whited.add((*place, hidden))
        if hidden in parent.children:
            self._release(parent.children.pop(hidden))

    def _purge(self, folder: Node, place: Path) -> None:
        """In and beneath an opaque folder, what earlier layers made goes; what this one made stays."""
        waiting = [(folder, place)]
        while waiting:
            one, where = waiting.pop()
            for name in list(one.children):
                if (*where, name) in self._new:
                    waiting.append((one.children[name], (*where, name)))
                else:
                    self._release(one.children.pop(name))

    def _describe(self, node: Node, entry: Entry) -> None:
        node.mode, node.uid, node.gid = entry.mode, entry.uid, entry.gid
        node.mtime = min(max(entry.mtime, 0), LAST_TIME)
        kept = {name: value for name, value in sorted(entry.xattrs.items()) if name.startswith(KEPT_XATTRS)}
        if len(kept) < len(entry.xattrs):
            self._leave_out("extended attributes of the system that built it")
        node.xattrs = kept

    def _leave_out(self, what: str) -> None:
        self.left_out[what] = self.left_out.get(what, 0) + 1


def components(name: bytes, deepest: int, what: str) -> Path:
    """The parts of a relative name. Raises Hostile for one that begins at the root, climbs, or has no end."""
    if name.startswith(b"/"):
        raise Hostile(f"{what} is an absolute name")
    parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    if b".." in parts:
        raise Hostile(f"{what} has `..` in it")
    if b"\0" in name:
        raise Hostile(f"{what} has a NUL in it")
    if len(parts) > deepest:
        raise Hostile(f"{what} lies deeper than {deepest} folders")
    if any(len(part) > LONGEST_COMPONENT for part in parts):
        raise Hostile(f"{what} has a part of more than {LONGEST_COMPONENT} bytes")
    return parts


def _refuse_empty_link(entry: Entry) -> None:
    if not entry.link:
        raise Hostile(f"{entry.shown} is a symbolic link to nothing")
