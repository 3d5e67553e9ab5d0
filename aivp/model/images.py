"""Entries of a project's catalogue of images: where the bytes of each are, and their digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aivp_contract.values import Json

VALUE = "images"
"""The value of a project that is its catalogue: so an image takes an entry as `source: ${values.images.NAME}`."""

FIELDS = ("url", "path", "sha256", "sha512", "format", "kernel", "initrd", "helper", "cloud_init")
_DIGESTS = {"sha256": re.compile(r"(?:sha256:)?([0-9a-f]{64})"), "sha512": re.compile(r"(?:sha512:)?([0-9a-f]{128})")}


@dataclass(frozen=True, slots=True)
class Entry:
    """One image. place: its address, or a file of its host; algorithm: sha256 or sha512; digest: in hexadecimal."""

    name: str
    place: str
    is_remote: bool
    algorithm: str
    digest: str
    format: str = ""

    @property
    def file(self) -> str:
        """As hosts name what they fetched of it."""
        return f"{self.algorithm}-{self.digest}"

    def form(self) -> dict[str, Json]:
        """As a declaration of an image says it under `source`."""
        found: dict[str, Json] = {"url" if self.is_remote else "path": self.place, self.algorithm: self.digest}
        return {**found, "format": self.format} if self.format else found


def read_entry(name: str, value: Json) -> Entry | str:
    """The entry that a value declares, or what is wrong with it."""
    if not isinstance(value, Mapping):
        return "is a mapping with url and sha256 or sha512."
    if unknown := sorted(set(value) - set(FIELDS)):
        return f"has {', '.join(unknown)}, which no image's source has."
    places = [key for key in ("url", "path") if isinstance(value.get(key), str)]
    digests = [key for key in _DIGESTS if value.get(key) is not None]
    if len(places) != 1 or len(digests) != 1:
        return "has one of url and path, and one of sha256 and sha512."
    place = str(value[places[0]])
    if "${" in place.replace("$${", ""):
        return "has a reference in it: catalogues hold plain texts, so that what they pin stays as it was reviewed."
    if places == ["url"] and not re.match(r"https?://[^/\s]+/\S", place):
        return "has an address that is neither http:// nor https://."
    match = _DIGESTS[digests[0]].fullmatch(str(value[digests[0]]))
    if match is None:
        return f"has no {digests[0]} of {64 if digests[0] == 'sha256' else 128} hexadecimal digits."
    found_format = value.get("format") or ""
    if found_format not in ("", "qcow2", "raw"):
        return "has a format that is neither qcow2 nor raw."
    return Entry(name, place, places == ["url"], digests[0], match[1], str(found_format))
