"""What would take minutes through a command: time that runs out for secrets and templates, called with less of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aivp.diagnostics import Refused
from tests.diagnostics.stage import Stage


def _told(stage: Stage, do: Callable[[], object]) -> None:
    try:
        do()
    except Refused as refused:
        stage.hear("".join(f"{item.severity}[{item.code}]: {item.why}\n" for item in refused.diagnostics))


def waits(stage: Stage, bad: bool) -> None:
    from aivp.secrets.command import run_command

    argv = ["sleep", "30"] if bad else ["echo", "correct-horse"]
    _told(stage, lambda: run_command("token", argv, stage.folder, stage.environ, timeout=0.5 if bad else 20))


def forbidden(stage: Stage, bad: bool) -> None:
    from aivp.secrets import Vault
    from tests.secrets.conftest import source

    sources = {"token": source("token", "command", ["echo", "correct-horse"])}
    vault = Vault(sources, stage.folder, project="shop", environment="main", keys=None, allow_commands=not bad)
    _told(stage, lambda: vault.value("token"))


def budget(stage: Stage, bad: bool) -> None:
    from aivp.templates.render import Limits, Problem, render
    from tests.templates.test_render import job

    slow = "{% for i in range(9999) %}{{ ('a' * 99999) | replace('a', 'bb') | length }}{% endfor %}"
    found = render([job(slow if bad else "a"), job("b")], Limits(cpu_each=30, cpu=1, wall=10))
    stage.hear("".join(f"error[{item.code}]: {item.why}\n" for item in found[1:] if isinstance(item, Problem)))


SITUATIONS: Mapping[str, Callable[[Stage, bool], None]] = {
    "AIVP0808": waits,
    "AIVP0809": forbidden,
    "AIVP0825": budget,
}
