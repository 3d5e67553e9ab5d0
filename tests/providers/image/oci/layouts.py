"""OCI image layouts made byte by byte, as no builder would make them: entries of tar, layers, manifests, indexes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
PLAIN = "application/vnd.oci.image.layer.v1.tar"
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
END = bytes(1024)


def entry(name: str | bytes, data: bytes = b"", *, kind: bytes = b"0", link: str | bytes = "", **more: Any) -> bytes:
    """One entry. more: mode, uid, gid, mtime, major, minor; size, where it is to lie; pax, records before it."""
    raw_name, raw_link = _raw(name), _raw(link)
    pax: dict[str, bytes] = {key: _raw(value) for key, value in more.pop("pax", {}).items()}
    if len(raw_name) > 100:
        pax.setdefault("path", raw_name)
    if len(raw_link) > 100:
        pax.setdefault("linkpath", raw_link)
    head = header(raw_name, kind, link=raw_link, size=more.pop("size", len(data)), **more)
    return (extended(pax) if pax else b"") + head + data + bytes(-len(data) % 512)


def header(name: bytes, kind: bytes, *, link: bytes = b"", size: int = 0, prefix: bytes = b"", **more: int) -> bytes:
    """The 512 bytes of a header with the right checksum."""
    mode = more.get("mode", 0o755 if kind == b"5" else 0o644)
    parts = [
        name[:100].ljust(100, b"\0"),
        number(mode, 8),
        number(more.get("uid", 0), 8),
        number(more.get("gid", 0), 8),
        number(size, 12),
        number(more.get("mtime", 1_700_000_000), 12),
        b" " * 8,
        kind,
        link[:100].ljust(100, b"\0"),
        b"ustar\x0000",
        bytes(64),
        number(more.get("major", 0), 8),
        number(more.get("minor", 0), 8),
        prefix.ljust(155, b"\0"),
    ]
    block = b"".join(parts).ljust(512, b"\0")  # a checksum counts itself as blanks
    total = sum(block)
    return block[:148] + b"%06o\0 " % total + block[156:]


def number(value: int, width: int) -> bytes:
    digits = b"%0*o" % (width - 1, value) if value >= 0 else b""
    if value >= 0 and len(digits) < width:
        return digits + b"\0"
    return (b"\x80" if value >= 0 else b"\xff") + (value % 256 ** (width - 1)).to_bytes(width - 1, "big")


def extended(records: dict[str, bytes], kind: bytes = b"x") -> bytes:
    """A header that extends the next one."""
    data = b"".join(record(key, value) for key, value in records.items())
    return header(b"pax", kind, size=len(data)) + data + bytes(-len(data) % 512)


def record(key: str, value: bytes) -> bytes:
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body)
    while length != len(str(length).encode() + body):
        length = len(str(length).encode() + body)
    return str(length).encode() + body


def folder(name: str | bytes, **more: Any) -> bytes:
    return entry(name, kind=b"5", **more)


def symlink(name: str | bytes, to: str | bytes, **more: Any) -> bytes:
    return entry(name, kind=b"2", link=to, mode=0o777, **more)


def hard(name: str | bytes, to: str | bytes, **more: Any) -> bytes:
    return entry(name, kind=b"1", link=to, **more)


def layer(*entries: bytes) -> bytes:
    return b"".join(entries) + END


Pack = Callable[[bytes], bytes]
PACKS: dict[str, Pack] = {
    PLAIN: bytes,
    GZIP: lambda data: gzip.compress(data, 1, mtime=0),
    ZSTD: lambda data: subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout,
}


def image(
    place: Path,
    layers: Sequence[bytes],
    *,
    media_type: str = GZIP,
    tag: str | None = "latest",
    config: dict[str, Any] | None = None,
    pack: Pack | None = None,
    diff_ids: Sequence[str] | None = None,
    change: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """A layout with one image. change: edits its manifest before that is digested."""
    blobs = place / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    packed = [(pack or PACKS[media_type])(data) for data in layers]
    ids = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in layers]
    about = {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": list(ids if diff_ids is None else diff_ids)},
        "config": {},
        **(config or {}),
    }
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "config": put(blobs, json.dumps(about).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [put(blobs, data, media_type) for data in packed],
    }
    if change is not None:
        change(manifest)
    described = put(blobs, json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    if tag is not None:
        described["annotations"] = {"org.opencontainers.image.ref.name": tag}
    index = place / "index.json"
    there = json.loads(index.read_text())["manifests"] if index.exists() else []
    index.write_text(json.dumps({"schemaVersion": 2, "manifests": [*there, described]}))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return place


def put(blobs: Path, data: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def archived(place: Path) -> Path:
    """The same as one file, as `skopeo copy … oci-archive:` writes it."""
    into = place.with_suffix(".tar")
    with tarfile.open(into, "w") as tar:
        for path in sorted(place.rglob("*")):
            tar.add(path, path.relative_to(place), recursive=False)
    shutil.rmtree(place)
    return into


def sparse(name: str) -> bytes:
    """A file of GNU's sparse kind."""
    return header(name.encode(), b"S", size=0)


def python_tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """As Python's own module writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _raw(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
