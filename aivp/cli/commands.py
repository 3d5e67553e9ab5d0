"""The list of commands. A command's module is imported when the command is called, and for its own `--help`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

from aivp import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("init", "Begin a project."),
    "validate": ("compile", "Check the project; no host, no credentials."),
    "compile": ("compile", "Write the compiled program (IR)."),
    "graph": ("compile", "Write the graph of resources, as data or as a picture."),
    "observe": ("observe", "Record what hosts look like, as evidence."),
    "plan": ("plan", "Show what apply would do, and write it as a plan."),
    "show": ("plan", "Show a plan file."),
    "diff": ("diff", "Compare two plan files by what they would do."),
    "apply": ("apply", "Make it so: apply a plan, or plan, ask and apply."),
    "destroy": ("apply", "Take away everything that was created."),
    "drift": ("plan", "Show what changed behind our back."),
    "state": ("state", "List, copy, check, move or forget what is known."),
    "runs": ("runs", "List, show or abandon runs."),
    "hosts": ("hosts", "List and check hosts, show their facts, record an inventory."),
    "exec": ("exec", "Run a command once on hosts."),
    "doctor": ("doctor", "See what hosts lack, and what mends it."),
    "image": ("image", "List, fetch, check and remove images of VMs."),
    "vm": ("vm", "List, start, enter and watch virtual machines."),
    "discover": ("discover", "Write configuration for what exists on a host."),
    "explain": ("explain", "Say what a diagnostic means, or where a value comes from."),
    "providers": ("providers", "List, show, test and begin providers of kinds."),
    "schema": ("schema", "Write the language as JSON Schema or CUE, for editors."),
    "fmt": ("fmt", "Lay out YAML and CUE files alike."),
    "migrate": ("migrate", "Bring a project to the language that this aivp reads."),
    "completion": ("completion", "Write the completion script of a shell."),
    "man": ("man", "Write man pages."),
    "secrets": ("secrets", "Make or bring in the key of generated secrets."),
    "version": ("version", "Say what this aivp is made of."),
}
"""Command → (module in this room, one line of help)."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and help lines without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of a day's work, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        from aivp.cli.compiled import Compiled

        compiled = Compiled()
        compiled.install()
        ctx.find_root().call_on_close(compiled.keep)
        module = importlib.import_module(f"aivp.cli.{COMMANDS[cmd_name][0]}")
        found: click.Command = getattr(module, f"{cmd_name}_command")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown command is answered with the nearest ones."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=2)
            mend = f" Did you mean {' or '.join(near)}?" if near else " See: aivp --help"
            raise click.ClickException(f"There is no command {args[0]}.{mend}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands from the list alone, then options."""
        from click.shell_completion import CompletionItem

        own = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*own, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of `--help`, from the list alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="aivp %(version)s")
@click.option("-C", "directory", metavar="DIR", help="The project's folder.  [default: .]")
@click.option("-e", "environment", metavar="ENV", help="The environment; needed where the project has any.")
@click.pass_context
def cli(ctx: click.Context, directory: str | None, environment: str | None) -> None:
    """Keep machines, and the AI agents that live in them, as declared: plan, review, apply."""
    ctx.obj = {"directory": directory, "environment": environment}
