"""The wheel that carries cue: what is in it, and that CUE projects compile with it where there is no Go and no cue."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
from pathlib import Path

import pytest

from aivp.config.cue import VERSION
from packages import licences
from tests.packaging.conftest import ROOT, Place, install

PROGRAM = "aivp_cue/cue"
PT_DYNAMIC, PT_INTERP = 2, 3


@pytest.fixture
def program(cue_wheel: Path) -> bytes:
    with zipfile.ZipFile(cue_wheel) as archive:
        assert archive.getinfo(PROGRAM).external_attr >> 16 & 0o777 == 0o755
        return archive.read(PROGRAM)


def test_it_needs_no_library_of_the_machine(program: bytes, cue_wheel: Path) -> None:
    """Or its tags would promise too much: any libc of the last ten years, glibc or musl."""
    if "linux" not in cue_wheel.name:
        pytest.skip("only Linux's programs are read here")
    (offset,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    kinds = {struct.unpack_from("<I", program, offset + number * size)[0] for number in range(count)}
    assert kinds
    assert not kinds & {PT_DYNAMIC, PT_INTERP}
    assert "-py3-none-manylinux_2_17_" in cue_wheel.name
    assert "musllinux_1_1_" in cue_wheel.name


def test_no_place_of_the_machine_that_built_it_is_in_it(program: bytes) -> None:
    for place in (str(ROOT), str(Path.home() / "go")):
        assert place.encode() not in program


def test_licences_of_all_that_is_linked_in_come_along(cue_wheel: Path) -> None:
    listed = json.loads((ROOT / "packages/cue/modules.json").read_text())["modules"]
    with zipfile.ZipFile(cue_wheel) as archive:
        names = [name.partition("/licenses/licenses/")[2] for name in archive.namelist()]
    covered = {name.split("/")[0] for name in names if name}
    assert covered == {"go", *(item["path"].replace("/", "_") for item in listed)}


@pytest.mark.usefixtures("cue_wheel")
def test_licences_and_modules_are_those_of_go_mod() -> None:
    """`python -m packages.licences` was run after the last change."""
    texts = licences.licence_texts()
    kept = licences.FOLDER / "licenses"
    found = {str(path.relative_to(kept)): path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    assert found == texts
    assert (licences.FOLDER / "modules.json").read_text() == licences.listing(texts)


def test_a_cue_project_compiles_without_go_and_without_cue(
    dist: Path, cue_wheel: Path, uv: str, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    install(uv, place, dist, "--require-hashes", "-r", "requirements-cue.txt")
    shutil.copytree(ROOT / "examples/04-cue-project", tmp_path / "project")
    assert place.run("sh", "-c", "command -v cue go || echo neither") == "neither\n"
    aivp = str(place.bin / "aivp")
    told = json.loads(place.run(aivp, "version", "--json"))["cue"]
    assert (told["path"], told["version"]) == (str(place.site / PROGRAM), VERSION)
    words = ["--var", 'channel=["true"]']
    assert "is valid" in place.run(aivp, "validate", *words, cwd=tmp_path / "project")
    place.run(aivp, "compile", "-o", "ir.json", *words, cwd=tmp_path / "project")
    assert json.loads((tmp_path / "project/ir.json").read_text())["resources"]
    assert place.run(str(place.bin / "aivp-cue"), "version").startswith(f"cue version {VERSION}\n")


def test_without_it_the_refusal_names_it(installed: Place, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "examples/04-cue-project", folder)
    said = installed.run(str(installed.bin / "aivp"), "validate", "--var", 'channel=["true"]', cwd=folder, code=1)
    assert "AIVP0150" in said
    assert "aivp-cue" in said
