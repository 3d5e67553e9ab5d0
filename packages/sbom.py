"""The lock, the wheels and modules.json → a CycloneDX document of all that aivp brings along; same inputs, same bytes.

Python libraries come from uv.lock as uv exports them; our own files get their digests; cue gets what is linked in.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packages.licences import FOLDER
from packages.lock import components, digest
from packages.stage import Stage

_NAMESPACE = uuid.UUID("5f0b2a55-3c0e-5b7e-9b0d-5d5b6f6f7a10")


def sbom(stage: Stage, folder: Path) -> str:
    """CycloneDX 1.5 as JSON; `folder` holds the wheels."""
    document = components()
    licences = json.loads(Path(__file__).with_name("python_licences.json").read_text())
    root = document["metadata"]["component"]
    root |= {"type": "application"}
    root["properties"] = [{"name": "aivp:commit", "value": stage.commit}]
    for item in [root, *document["components"]]:
        item["hashes"] = [{"alg": "SHA-256", "content": digest(path)} for path in _wheels(folder, item["name"])]
        if not item["hashes"]:
            del item["hashes"]
        item["licenses"] = [{"expression": licences[item["name"]] if "purl" in item else "Apache-2.0"}]
    (carrier,) = (item for item in document["components"] if item["name"] == "aivp-cue")
    linked = list(_linked(_toolchain(folder)))
    carrier["licenses"] = [{"expression": "Apache-2.0 AND BSD-3-Clause AND ISC AND MIT"}]
    document["components"] += linked
    edges = {item["ref"]: item for item in document["dependencies"]}
    edges[carrier["bom-ref"]]["dependsOn"] = sorted(item["bom-ref"] for item in linked)
    document["dependencies"] += [{"ref": item["bom-ref"]} for item in linked]
    del document["serialNumber"]
    del document["metadata"]["timestamp"]
    name = json.dumps(document, sort_keys=True)
    document["serialNumber"] = uuid.uuid5(_NAMESPACE, name).urn
    time = datetime.datetime.fromtimestamp(stage.epoch, datetime.UTC)
    document["metadata"]["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _wheels(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"{name.replace('-', '_')}-*.whl"))


def _linked(toolchain: str) -> Iterator[dict[str, Any]]:
    """What the cue command was linked from: Go's own library, and the modules with their digests as go.sum has them."""
    listed = json.loads((FOLDER / "modules.json").read_text())
    yield _go("std", toolchain, listed["go"])
    for item in listed["modules"]:
        found = _go(item["path"], item["version"], item["license"])
        yield {**found, "properties": [{"name": "go:sum", "value": item["sum"]}]}


def _go(path: str, version: str, license_: str) -> dict[str, Any]:
    purl = f"pkg:golang/{path}@{version}"
    form = {"type": "library", "bom-ref": purl, "name": path, "version": version, "purl": purl}
    return {**form, "licenses": [{"expression": license_}]}


def _toolchain(folder: Path) -> str:
    """The Go that built the wheel, as it wrote itself into the program; where there is no wheel, the pinned one."""
    wheels = _wheels(folder, "aivp-cue")
    if not wheels:
        words = (FOLDER / "go.mod").read_text().split()
        return words[words.index("toolchain") + 1].removeprefix("go")
    with tempfile.TemporaryDirectory(prefix="aivp-sbom-") as name, zipfile.ZipFile(wheels[0]) as archive:
        path = archive.extract("aivp_cue/cue", name)
        said = subprocess.run(["go", "version", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    return said.split()[-1].removeprefix("go")
