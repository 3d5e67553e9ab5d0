"""completion: the script by which a shell asks aivp what may come next."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
def completion_command(shell: str) -> None:
    """Write the completion script of a shell: bash, zsh or fish.

    It knows commands and options, and from the project here its addresses, hosts, environments and runs. Nothing is
    started for it. In ~/.bashrc: source <(aivp completion bash)
    """
    import os
    import sys

    with open(os.path.join(os.path.dirname(__file__), "shells", shell), encoding="utf-8") as file:
        sys.stdout.write(file.read())
