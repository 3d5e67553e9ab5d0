"""The JSON documents of an OCI image layout → what they say of blobs, or Permanent. Nothing in them is believed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping

from aivp_sdk import Permanent

DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")
_MOST = 10_000


@dataclass(frozen=True)
class Descriptor:
    """What a layout says of a blob."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, Any]
    platform: Mapping[str, Any]


def prefixed(digest: str) -> str:
    """A digest with its algorithm in front."""
    return digest if ":" in digest else f"sha256:{digest}"


def parsed(data: bytes, name: str) -> Dict[str, Any]:
    """A JSON object; `name` is whose."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Permanent(f"{name} of the layout is no JSON object", path="/oci/path")
    return found


def descriptors(document: Mapping[str, Any], member: str, name: str) -> List[Descriptor]:
    """The list `member` of a document."""
    found = document.get(member)
    if not isinstance(found, list) or len(found) > _MOST:
        raise Permanent(f"{name} of the layout has no list of {member}", path="/oci/path")
    return [described(item, member) for item in found]


def described(value: Any, what: str) -> Descriptor:
    """One entry, checked."""
    raw = value if isinstance(value, dict) else {}
    media_type, digest, size = raw.get("mediaType"), raw.get("digest"), raw.get("size")
    annotations, platform = raw.get("annotations") or {}, raw.get("platform") or {}
    if (
        not isinstance(media_type, str)
        or not isinstance(digest, str)
        or not DIGEST.fullmatch(digest)
        or type(size) is not int
        or size < 0
        or not isinstance(annotations, dict)
        or not isinstance(platform, dict)
    ):
        raise Permanent(f"the layout has an entry of {what} without a type, a digest or a size", path="/oci/path")
    return Descriptor(media_type, digest, size, annotations, platform)
