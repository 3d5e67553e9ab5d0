"""Recorded answers of rpm (4.16 to 4.20) and dnf (4.5, 4.14 and 4.23 of Debian 11 to 13), and what they mean."""

from __future__ import annotations

import pytest
from aivp_host.packages import rpm_output
from aivp_host.packages.managers import Forecast
from aivp_host.packages.rpm_output import Rpm
from aivp_sdk import Completed

SIMULATION = """\
Last metadata expiration check: 0:00:01 ago on Sat Nov 21 18:02:55 2026.
--> Starting dependency resolution
---> Package aivp-extra.noarch 1.0-1 will be obsoleted
---> Package aivp-replaces.noarch 1.0-1 will be installed
---> Package aivp-needs.noarch 1.0-1 will be erased
---> Package aivp-old.noarch 1.0-1 will be upgraded
---> Package kernel.x86_64 5.14.0-1.el9 will be erased
---> Package kernel.x86_64 5.14.0-4.el9 will be installed
---> Package aivp-old.noarch 2.0-1 will be an upgrade
---> Package aivp-probe.noarch 2.0-1 will be downgraded
> > ---> Package aivp-probe.noarch 1.0-1 will be a downgrade
--> Finished dependency resolution
"""


def test_rows_of_what_is_installed() -> None:
    text = "aivp-epoch|1|1.0|1|noarch\npackage nope is not installed\nkernel|0|5.14.0|1.el9|x86_64\n"
    assert rpm_output.rows(text) == [
        Rpm("aivp-epoch", "1", "1.0", "1", "noarch"),
        Rpm("kernel", "0", "5.14.0", "1.el9", "x86_64"),
    ]
    assert [row.evr for row in rpm_output.rows(text)] == ["1:1.0-1", "5.14.0-1.el9"]
    assert rpm_output.rows(text)[0].spec == "aivp-epoch-1:1.0-1.noarch"


def test_a_forecast() -> None:
    assert rpm_output.forecast(SIMULATION, ["aivp-old", "aivp-replaces"]) == Forecast(
        removals=("aivp-extra", "aivp-needs"), downgrades=("aivp-probe",), held=("aivp-old",)
    )


def test_a_simulation_that_says_nothing_is_found_out() -> None:
    assert rpm_output.unsaid(SIMULATION, ["aivp-probe", "kernel", "aivp-needs"]) == []
    assert rpm_output.unsaid("Nothing to do.\nComplete!\n", ["aivp-probe"]) == ["aivp-probe"]


def test_a_simulation_always_ends_as_refused() -> None:
    assert not rpm_output.is_error(Completed(1, SIMULATION, "Operation aborted.\n"))
    assert not rpm_output.is_error(Completed(0, SIMULATION, "Error: Operation aborted.\n"))
    assert rpm_output.is_error(Completed(1, "No match for argument: x", "Error: Unable to find a match: x\n"))


@pytest.mark.parametrize(
    ("code", "stderr", "kind", "mend"),
    [
        (200, "RPMDB already locked by 16", "temporary", None),
        (1, "Errors during downloading metadata:\n  - Curl error (6): Couldn't resolve host name", "temporary", None),
        (
            1,
            "Errors:\n  - Status code: 404 for http://x/repodata/repomd.xml\nError: All mirrors were tried",
            "permanent",
            "",
        ),
        (1, "Error: \n Problem: conflicting requests\n  - nothing provides /bin/sh", "permanent", "go together"),
        (1, "Error: Cache-only enabled but no cache for 'lab'", "permanent", "package_index"),
        (1, "Error: GPG check FAILED", "permanent", "gpgkey="),
        (1, "Error: Transaction failed", "permanent", "dnf check"),
    ],
)
def test_failures(code: int, stderr: str, kind: str, mend: str | None) -> None:
    error = rpm_output.failure("dnf", Completed(code, "", stderr + "\nOperation aborted.\n"))
    assert error.error_class == kind
    assert error.message.startswith(f"dnf failed (exit {code}): ")
    assert "aborted" not in error.message
    assert mend is None or mend in str(error.mend)
