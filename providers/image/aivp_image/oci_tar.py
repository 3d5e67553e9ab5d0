"""The bytes of a tar archive → its entries, as far as every reader of tar agrees on them.

Names are bytes, whatever their encoding. What readers understand in different ways (sparse files, data behind a link,
entries behind the end) is refused rather than guessed: what one tool has scanned must be what another one unpacks.
Knows nothing of images, and touches no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, Iterator, Mapping, Optional, Tuple

BLOCK = 512
LONGEST_EXTENSION = 1024 * 1024
"""Bytes of one header that extends another one: names and attributes."""
LONGEST_NAME = 4096
CHUNK = 1024 * 1024
_ZEROS = bytes(BLOCK)
_KINDS = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hard link",
    b"2": "symlink",
    b"3": "character device",
    b"4": "block device",
    b"5": "directory",
    b"6": "fifo",
}
_XATTR = b"SCHILY.xattr."
_NUMBERS = (b"size", b"uid", b"gid", b"mtime")
_STEERING = (b"path", b"linkpath", *_NUMBERS)

Read = Callable[[int], bytes]
"""At most so many bytes; nothing at the end."""


class BadTar(ValueError):
    """It is no archive, or one that readers disagree about. The text names the entry, where it is known."""


@dataclass(frozen=True)
class Entry:
    """One entry. mtime in seconds; link: what a link points to; device: major and minor."""

    name: bytes
    kind: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    link: bytes = b""
    device: Tuple[int, int] = (0, 0)
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """Its name for people."""
        return shown(self.name)


def shown(name: bytes) -> str:
    """A name of bytes as people can read it, on one line and not without end."""
    text = name.decode("utf-8", "backslashreplace")
    text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return text if len(text) <= 200 else text[:197] + "..."


class Tar:
    """An archive that is read once, from its beginning. `position`: bytes read so far."""

    def __init__(self, read: Read) -> None:
        self._read_some = read
        self.position = 0
        self._left = 0
        self._padding = 0

    def entries(self) -> Iterator[Entry]:
        """Every entry, each before its content; content that nobody took is skipped. Raises BadTar."""
        while True:
            self._skip()
            entry = self._next()
            if entry is None:
                self._end()
                return
            self._left = entry.size
            self._padding = -entry.size % BLOCK
            yield entry

    def content(self) -> Iterator[bytes]:
        """The content of the entry in hand, in pieces."""
        while self._left:
            piece = self._exactly(min(self._left, CHUNK))
            self._left -= len(piece)
            yield piece

    def _skip(self) -> None:
        for _ in self.content():
            pass
        self._exactly(self._padding)
        self._padding = 0

    def _next(self) -> Optional[Entry]:
        """The next entry with everything that headers before it say of it, None at the end."""
        extended: Dict[bytes, bytes] = {}
        is_first = True
        while True:
            header = self._header()
            if header is None:
                if not is_first:
                    raise BadTar("it ends where an entry should follow")
                return None
            is_first = False
            kind = header[156:157]
            if kind in b"xgLK":
                for key, value in self._extension(header, kind).items():
                    if kind == b"g" and (key in _STEERING or key.startswith((_XATTR, b"GNU.sparse"))):
                        raise BadTar("a global header changes names or sizes of all that follows")
                    if key in extended:
                        raise BadTar(f"two headers say two things of the {shown(key)} of one entry")
                    if kind != b"g":
                        extended[key] = value
                continue
            return _entry(header, extended)

    def _header(self) -> Optional[bytes]:
        header = self._exactly(BLOCK, may_end=True)
        if not header:
            return None
        if header == _ZEROS:
            return None
        total = _octal(header[148:156], "checksum")
        unsigned = sum(header) - sum(header[148:156]) + 8 * 32
        if total != unsigned:
            raise BadTar(f"a header at byte {self.position - BLOCK} has a wrong checksum")
        return header

    def _extension(self, header: bytes, kind: bytes) -> Dict[bytes, bytes]:
        size = _number(header[124:136], "size")
        if size > LONGEST_EXTENSION:
            raise BadTar(f"an extended header has {size} bytes; {LONGEST_EXTENSION} are allowed")
        data = self._exactly(size)
        self._exactly(-size % BLOCK)
        if kind in b"xg":
            return _records(data)
        return {b"path" if kind == b"L" else b"linkpath": data.partition(b"\0")[0]}

    def _end(self) -> None:
        """Behind the end stands nothing but zeros: what some readers would take for more entries is refused."""
        while True:
            piece = self._read_some(CHUNK)
            self.position += len(piece)
            if not piece:
                return
            if piece.strip(b"\0"):
                raise BadTar("there is something behind its end")

    def _exactly(self, size: int, *, may_end: bool = False) -> bytes:
        pieces = []
        left = size
        while left:
            piece = self._read_some(left)
            if not piece:
                if may_end and left == size:
                    return b""
                raise BadTar("it is cut off")
            self.position += len(piece)
            left -= len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _entry(header: bytes, extended: Mapping[bytes, bytes]) -> Entry:
    name = extended.get(b"path", _name(header))
    if any(key.startswith(b"GNU.sparse") for key in extended) or header[156:157] == b"S":
        raise BadTar(f"{shown(name)} is a sparse file, which readers of tar understand in different ways")
    kind = _KINDS.get(header[156:157])
    if kind is None:
        raise BadTar(f"{shown(name)} is of the type {header[156:157]!r}, which is none of an image's")
    numbers = {key: _decimal(extended[key], key) for key in _NUMBERS if key in extended}
    if kind == "file" and name.endswith(b"/"):
        kind = "directory"  # as archives had it before there was a type for them
    size = numbers.get(b"size", _number(header[124:136], "size"))
    if size and kind != "file":
        raise BadTar(f"{shown(name)} is a {kind} with {size} bytes of content")
    if b"\0" in name or len(name) > LONGEST_NAME:
        raise BadTar(f"{shown(name)} is no name: it has a NUL, or more than {LONGEST_NAME} bytes")
    link = extended.get(b"linkpath", header[157:257].partition(b"\0")[0])
    if b"\0" in link or len(link) > LONGEST_NAME:
        raise BadTar(f"{shown(name)} links to what is no name")
    is_device = kind.endswith("device")
    return Entry(
        name=name,
        kind=kind,
        mode=_octal(header[100:108], "mode") & 0o7777,
        uid=numbers.get(b"uid", _number(header[108:116], "owner")),
        gid=numbers.get(b"gid", _number(header[116:124], "group")),
        size=size,
        mtime=numbers.get(b"mtime", _number(header[136:148], "time")),
        link=link if kind in ("hard link", "symlink") else b"",
        device=(_number(header[329:337], "device"), _number(header[337:345], "device")) if is_device else (0, 0),
        xattrs={key[len(_XATTR) :]: value for key, value in extended.items() if key.startswith(_XATTR)},
    )


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _records(data: bytes) -> Dict[bytes, bytes]:
    """The records `LENGTH KEY=VALUE` of an extended header."""
    found: Dict[bytes, bytes] = {}
    position = 0
    while position < len(data):
        digits, space, _ = data[position : position + 20].partition(b" ")
        if not space or not digits.isdigit():
            raise BadTar("an extended header is malformed")
        end = position + int(digits)
        record = data[position + len(digits) + 1 : end]
        key, equals, value = record[:-1].partition(b"=")
        if end > len(data) or not record.endswith(b"\n") or not equals or not key:
            raise BadTar("an extended header is malformed")
        found[key] = value
        position = end
    return found


def _number(data: bytes, what: str) -> int:
    """Octal digits, or base 256 where the first bit is set."""
    if data[0] & 0x80:
        value = int.from_bytes(data, "big", signed=False) & ((1 << (8 * len(data) - 1)) - 1)
        if data[0] & 0x40:
            raise BadTar(f"a header has a negative {what}")
        return value
    return _octal(data, what)


def _octal(data: bytes, what: str) -> int:
    text = data.partition(b"\0")[0].strip(b" ")
    if not text:
        return 0
    if text.strip(b"01234567"):
        raise BadTar(f"a header has no number for its {what}")
    return int(text, 8)


def _decimal(data: bytes, key: bytes) -> int:
    whole, dot, fraction = data.partition(b".")
    sign, digits = (-1, whole[1:]) if whole.startswith(b"-") else (1, whole)
    is_time = key == b"mtime"
    if not digits.isdigit() or len(digits) > 20 or (dot and (not is_time or fraction.strip(b"0123456789"))):
        raise BadTar(f"an extended header has no number for its {key.decode()}")
    value = sign * int(digits)
    if value < 0 and not is_time:
        raise BadTar(f"an extended header has a negative {key.decode()}")
    return value
