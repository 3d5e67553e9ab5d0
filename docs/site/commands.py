"""The commands as click knows them → docs/reference/commands.md: every command, option, exit code and variable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import click

from aivp.cli import main
from aivp.cli.commands import cli
from docs.site.markdown import code, plain, table

ENVIRONMENT: Mapping[str, str] = {
    "AIVP_VAR_NAME": "sets the variable NAME of the project, below `--var-file` and `--var`",
    "AIVP_SSH": "the command that reaches hosts, such as `ssh -F ci/ssh_config`; `ssh` if unset",
    "AIVP_PROVIDERS": "folders with further providers, a `:` between them",
    "AIVP_CUE": "the `cue` command; else the one beside aivp or on `PATH`",
    "AIVP_HOST_STATE": "the folder of a local host's journal, else `/var/lib/aivp` (root) or `~/.local/state/aivp`",
    "AIVP_DEBUG": "`1`: a bug in aivp shows where it happened",
}
"""Variable → what it does. A test holds these to those that the code reads."""

_SHARED = 12
"""An option that so many commands have, word for word, is told once."""

_HEAD = """# Commands

<!-- written from the command line by `make docs-update`: do not edit -->

`aivp [-C DIR] [-e ENV] COMMAND …`. `aivp COMMAND --help` says the same at a shell. What is printed with `--json` is
described [on its own page](json.md); how plans and runs behave, [on another](runs.md).

"""


def commands_page() -> str:
    """The whole page."""
    leaves = dict(_leaves(cli))
    shared = _shared(leaves)
    parts = [_HEAD, _overview(leaves), "\n## Options of most commands\n\n", _options(shared.values())]
    for path, command in leaves.items():
        parts.append(_command(path, command, shared))
    parts.append("\n## Exit codes\n\n" + table(("code", ""), _exit_codes()))
    variables = [(code(name), plain(text)) for name, text in ENVIRONMENT.items()]
    parts.append("\n## Environment variables\n\n" + table(("variable", ""), variables))
    return "".join(parts)


def _leaves(group: click.Group, *before: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _leaves(command, *before, name)
        elif command is not None and not command.hidden:
            yield " ".join((*before, name)), command


def _overview(leaves: Mapping[str, click.Command]) -> str:
    def linked(path: str) -> str:
        return f"[{code(path)}](#{'-'.join(['aivp', *path.split()])})"

    return table(("command", ""), [(linked(path), plain(_first(command))) for path, command in leaves.items()])


def _command(path: str, command: click.Command, shared: Mapping[tuple[str, str], click.Option]) -> str:
    context = click.Context(command, info_name=f"aivp {path}")
    usage = command.get_usage(context).removeprefix("Usage: ")
    text = f"\n## aivp {path}\n\n```text\n{' '.join(usage.split())}\n```\n\n"
    text += "".join(f"{plain(part)}\n\n" for part in re.split(r"\n\s*\n", _help(command)))
    every = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    own = [option for option in every if _key(option) not in shared]
    left = [option for key, option in shared.items() if key not in {_key(option) for option in every}]
    if own:
        text += f"{_options(own)}\n"
    taken = [code(option.opts[0]) for option in shared.values() if option not in left]
    if len(left) <= len(taken):
        but = f", but for {', '.join(code(option.opts[0]) for option in left)}" if left else ""
        text += f"{'And' if own else 'Takes'} the [options of most commands](#options-of-most-commands){but}.\n"
    elif taken:
        text += f"Of the [options of most commands](#options-of-most-commands): {', '.join(taken)}.\n"
    return text.rstrip("\n") + "\n"


def _shared(leaves: Mapping[str, click.Command]) -> dict[tuple[str, str], click.Option]:
    options = [option for command in leaves.values() for option in command.params if isinstance(option, click.Option)]
    counts = Counter(map(_key, options))
    return {_key(option): option for option in options if counts[_key(option)] >= _SHARED}


def _key(option: click.Option) -> tuple[str, str]:
    return " ".join(option.opts), option.help or ""


def _options(options: object) -> str:
    assert hasattr(options, "__iter__")
    return table(("option", "", "default"), [_option(option) for option in options])


def _option(option: click.Option) -> tuple[str, str, str]:
    context = click.Context(click.Command("aivp"))
    value = "" if option.is_flag or option.count else f" {option.make_metavar(context)}"
    names = ", ".join(code(f"{name}{value}") for name in (*option.opts, *option.secondary_opts))
    said = (
        plain(option.help or "")
        + (" Repeatable." if option.multiple else "")
        + (" Required." if option.required else "")
    )
    shown = option.default if isinstance(option.default, (str, int)) and not isinstance(option.default, bool) else ""
    if isinstance(option.show_default, str):
        shown = option.show_default
    return names, said.strip(), code(str(shown)) if shown not in ("", None) else ""


def _help(command: click.Command) -> str:
    return (command.help or command.short_help or "").partition("\f")[0].strip()


def _first(command: click.Command) -> str:
    """The first sentence."""
    text = " ".join(_help(command).split())
    return re.split(r"(?<=[.;])\s", text, maxsplit=1)[0].rstrip(";.") + "." if text else ""


def _exit_codes() -> list[tuple[str, str]]:
    """As the entry point's own words have them."""
    text = " ".join((main.__doc__ or "").partition("Exit codes:")[2].split()).rstrip(".")
    pairs = (part.strip().partition(" ") for part in text.split("·"))
    return [(code(number), plain(meaning)) for number, _, meaning in pairs]
