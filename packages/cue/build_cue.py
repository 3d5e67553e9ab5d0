"""go.mod → the `cue` command in a wheel of the platform it was built for: static, so that no libc matters.

Runs inside hatchling. AIVP_CUE_TARGET=linux/arm64 builds for another platform than this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMMAND = "cuelang.org/go/cmd/cue"
TAGS = {
    "linux/amd64": "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
    "linux/arm64": "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    "darwin/amd64": "macosx_12_0_x86_64",
    "darwin/arm64": "macosx_12_0_arm64",
}
"""Platform in Go's words → what pip calls it. macOS 12 is the oldest that Go 1.26 supports."""


class CueBuild(BuildHookInterface):
    """Puts the program beside the package's modules."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and look whether exactly the listed modules are in it. Raises RuntimeError where not."""
        if version == "editable":
            return
        root = Path(self.root)
        target = os.environ.get("AIVP_CUE_TARGET") or "/".join(_go(root, "env", "GOOS", "GOARCH").split())
        if target not in TAGS:
            raise RuntimeError(f"there is no wheel of {target}: known are {', '.join(TAGS)}")
        self.place = tempfile.TemporaryDirectory(prefix="aivp-cue-")
        program = Path(self.place.name) / "cue"
        _go(root, "mod", "verify")
        _go(
            root,
            *f"build -mod=readonly -trimpath -buildvcs=false -ldflags=-s\t-w -o {program} {COMMAND}".split(" "),
            target=target,
        )
        listed = {
            (item["path"], item["version"], item["sum"])
            for item in json.loads((root / "modules.json").read_text())["modules"]
        }
        if (built := _modules(root, program)) != listed:
            raise RuntimeError(f"modules.json does not list what is in the program: {sorted(built ^ listed)}")
        build_data["force_include"][str(program)] = "aivp_cue/cue"
        build_data["tag"] = f"py3-none-{TAGS[target]}"
        build_data["pure_python"] = False

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The program is in the wheel now."""
        if version != "editable":
            self.place.cleanup()


def _modules(root: Path, program: Path) -> set[tuple[str, str, str]]:
    """What Go itself wrote into the program: path, version and digest of each module."""
    lines = [line.split() for line in _go(root, "version", "-m", str(program)).splitlines()]
    return {(words[1], words[2], words[3]) for words in lines if words[:1] in (["mod"], ["dep"])}


def _go(root: Path, *words: str, target: str = "") -> str:
    """Standard output of a Go command. Settings of the person that would change the program do not get in."""
    system, _, processor = target.partition("/")
    platform = {"GOOS": system, "GOARCH": processor, "GOAMD64": "v1", "GOARM64": "v8.0"} if target else {}
    settings = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOEXPERIMENT": "", **platform}
    try:
        done = subprocess.run(
            ["go", *words], cwd=root, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, check=True
        )
    except FileNotFoundError:
        raise RuntimeError(
            "building cue takes Go 1.25 or newer: https://go.dev/dl, or take a wheel of aivp-cue"
        ) from None
    return done.stdout
