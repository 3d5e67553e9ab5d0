"""What takes minutes through a command, or a moment that nobody hits: the code itself, called with that much less."""

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


def lossy_layout(stage: Stage, bad: bool) -> None:
    from unittest import mock

    from aivp.edit.fmt import formatted

    gap = mock.patch.object(formatted, "lay_out", lambda text: text.replace("  # kept", "") if bad else text)
    with gap:
        _told(stage, lambda: formatted.formatted(b"a: 1  # kept\n", "aivp.yaml"))


def changed_meanwhile(stage: Stage, bad: bool) -> None:
    from aivp.edit.rewrite import rewrite

    stage.put({"aivp.yaml": "project: shop\n"})
    read = b"project: store\n" if bad else b"project: shop\n"
    _told(stage, lambda: rewrite(str(stage.folder / "aivp.yaml"), read, b"project:   shop\n"))


SITUATIONS: Mapping[str, Callable[[Stage, bool], None]] = {
    "AIVP0808": waits,
    "AIVP0809": forbidden,
    "AIVP0825": budget,
    "AIVP0955": lossy_layout,
    "AIVP0956": changed_meanwhile,
}
