"""`python -m packages`: everything that a release consists of, into dist/ (make dist). Same commit, same bytes."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from packages.lock import digest, extras, requirements
from packages.sbom import sbom
from packages.stage import ROOT, Failed, Stage, stage
from packages.wheels import build, build_cue

SUMS = "SHA256SUMS"


def main() -> int:
    """Build into a new folder, look at it, and put it in the place of the old one."""
    options = _options()
    output = Path(options.output)
    foreign = sorted(path.name for path in output.iterdir() if not _is_ours(path)) if output.is_dir() else []
    if foreign:
        sys.stderr.write(f"{output} holds what no build has put there: {', '.join(foreign[:5])}\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="aivp-dist-") as name:
        made = Path(name) / "dist"
        try:
            source = stage(Path(name) / "source")
            build(source, made)
            if not options.without_cue:
                build_cue(source, made)
            _describe(source, made)
        except Failed as error:
            sys.stderr.write(f"{error}\n")
            return 1
        if output.exists():
            shutil.rmtree(output)
        shutil.copytree(made, output)
    sys.stdout.write((output / SUMS).read_text())
    return 0


def _is_ours(path: Path) -> bool:
    return path.name == SUMS or path.name.startswith(("aivp-", "aivp_", "requirements"))


def _describe(source: Stage, made: Path) -> None:
    """What says what the wheels are: lists to install from, the SBOM, digests."""
    (version,) = {path.name.split("-")[1] for path in made.glob("aivp-*.whl")}
    for extra in (None, *extras()):
        if (text := requirements(made, extra)) is not None:
            (made / f"requirements{'' if extra is None else '-' + extra}.txt").write_text(text)
    (made / f"aivp-{version}.cdx.json").write_text(sbom(source, made))
    sums = [f"{digest(path)}  {path.name}\n" for path in sorted(made.iterdir())]
    (made / SUMS).write_text("".join(sums))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="packages", description="Build wheels, source archives, SBOM.")
    parser.add_argument("-o", "--output", default=str(ROOT / "dist"), help="the folder; an earlier build in it goes")
    parser.add_argument("--without-cue", action="store_true", help="leave out the wheel that takes Go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
