"""What useradd and its kin say where they may not: asked for real, as a user who is nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any, cast

import pytest
from aivp_host.accounts.tools import run
from aivp_sdk import Completed, Permanent, Session


class Nobody:
    """Runs effects at once, without the rights of root."""

    def effect(self, argv: list[str], *, stdin: str | None = None) -> Completed:
        drop: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, **drop)
        return Completed(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.mark.skipif(shutil.which("useradd") is None, reason="useradd is missing")
def test_without_root_it_is_no_lock_that_somebody_else_holds() -> None:
    with pytest.raises(Permanent, match="Permission denied") as caught:
        run(cast(Session, Nobody()), ["useradd", "--", "aivp-nobody-may"])
    assert caught.value.mend == "Accounts are root's to change: let aivp become root on this host."
