"""Inventories and the documents that `aivp hosts record` makes of them. AIVP_UPDATE_GOLDEN=1 rewrites what is shown.

Each case holds files, `command` (the words behind `aivp hosts record`), and what is shown on both streams.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from aivp.cli.commands import cli
from tests import txtar

CASES = sorted(Path(__file__).with_name("records").glob("*.txtar"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_what_is_recorded(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comment, files = txtar.read(case)
    for name, text in files.items():
        if name not in ("command", "shown"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    done = CliRunner().invoke(cli, ["hosts", "record", *shlex.split(files["command"])])
    shown = done.output + f"exit code {done.exit_code}\n"
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    if os.environ.get("AIVP_UPDATE_GOLDEN") == "1":
        txtar.write(case, comment, {**files, "shown": shown})
    assert shown == files.get("shown", "")
