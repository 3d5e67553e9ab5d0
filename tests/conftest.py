"""What holds for every test: full matrices run only when asked for, and nothing is skipped silently."""

import os
from collections import Counter

import pytest
from hypothesis import settings

settings.register_profile("aivp", deadline=None)  # a busy machine is no mistake
settings.load_profile("aivp")


def pytest_configure() -> None:
    """What tests call must look the same in a CI system, and send its traces nowhere."""
    systems = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TRACEPARENT")
    for name in [name for name in os.environ if name in systems or name.startswith("OTEL_")]:
        del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the full matrices, aloud, unless `make test-all` asks for them."""
    if os.environ.get("AIVP_TEST_ALL") == "1":
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="part of a full matrix: make test-all runs it"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests tell, and one line per reason to skip, so that a green run cannot hide a missing tool."""
    passed = terminalreporter.stats.get("passed", [])
    told = sorted(text for report in passed for name, text in report.user_properties if name == "told")
    if told:
        terminalreporter.section("told by tests")
    for text in told:
        terminalreporter.line(text)
    reports = terminalreporter.stats.get("skipped", [])
    # (path, line, reason), and a plain text where a plugin skipped.
    reasons = Counter(r.longrepr[2] if isinstance(r.longrepr, (tuple, list)) else str(r.longrepr) for r in reports)
    if reasons:
        terminalreporter.section("skipped, and why")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count:4} × {reason.removeprefix('Skipped: ')}")
    # Last, since a CI system may keep only the end of what it was told: why, in a few lines each.
    failed = [*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])]
    if failed:
        terminalreporter.section("failed, and why")
    for report in failed:
        terminalreporter.line(f"{report.nodeid} ({report.when})")
        for line in str(report.longreprtext).splitlines()[-15:]:
            terminalreporter.line(f"    {line[:300]}")
