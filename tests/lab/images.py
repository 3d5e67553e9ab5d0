"""A real image for guests of tests: Debian bookworm with the guest helper, built once from the machine's mirror.

It is made by the `image` kind itself, and kept in its store below the lab's cache, by what it is made of: the first
test that asks waits a minute or two, all others get it at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aivp_image.provider import PROVIDER
from aivp_sdk.testing import Harness

from tests.lab.errors import LabError
from tests.lab.mirror import mirror, missing_suite
from tests.lab.places import Places
from tests.lab.recipe import DEFAULT_SUITE

_COMMANDS = {
    "apt-get": "apt",
    "debugfs": "e2fsprogs",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "qemu-img": "qemu-utils",
    "unshare": "util-linux",
}


def image_missing(places: Places, environ: Mapping[str, str]) -> str | None:
    """None if there is an image or one can be built here, else the reason in one sentence without a full stop."""
    if any((places.cache / "images" / "store").glob("*/image.json")):
        return None
    for command, package in _COMMANDS.items():
        if shutil.which(command, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            return f"{command} ({package}) is not installed"
    address = mirror(environ)
    return None if address is None else missing_suite(address, DEFAULT_SUITE)


def image(places: Places, environ: Mapping[str, str], **fields: Any) -> Path:
    """The image's folder. `fields`: of the declaration, beside or instead of the usual ones."""
    config = declaration(environ, **fields)
    with Harness(PROVIDER, {"folder": str(places.cache / "images")}) as harness:
        outputs = harness.apply("image", config).outputs
        path = outputs.get("path") or (harness.observe("image", config).observed or {}).get("path")
    if not isinstance(path, str):
        raise LabError("There is no image, and the provider does not say why.")
    return Path(path)


def declaration(environ: Mapping[str, str], **fields: Any) -> dict[str, Any]:
    """What is declared of it; the name tells images of other fields apart."""
    debian = {"suite": DEFAULT_SUITE, "packages": ["sudo"], **fields.pop("debian", {})}
    address = mirror(environ)
    if address is not None:
        debian["mirror"] = address
    return {"name": "lab", "disk": {"size": 2 * 1024**3}, "debian": debian, **fields}
