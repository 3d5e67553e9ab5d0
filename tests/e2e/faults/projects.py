"""Projects that the tests of this folder share."""

HEAD = """
aivp: v1
project: faults
variables: {root: {type: string}}
hosts: {here: {transport: local}}
resources:
"""


def project(resources: str, *, head: str = HEAD) -> str:
    """A project on the local host with these resources, each `kind.name: {...}`."""
    return head + "".join(f"  {line.strip()}\n" for line in resources.strip().splitlines())


def note(name: str, *, more: str = "", after: str = "") -> str:
    """A command that writes its name into the ledger; `after` is shell, `more` are further attributes."""
    return f"""command.{name}: {{shell: 'echo {name} >> "${{var.root}}/ledger"{after}'{more}}}"""


def gate(name: str, *, more: str = "") -> str:
    """A command that notes its beginning, waits until the file `open` exists, and notes its end."""
    wait = (
        f"""; while [ ! -e "${{var.root}}/open" ]; do sleep 0.02; done; echo {name}-ended >> "${{var.root}}/ledger\""""
    )
    return note(name, more=more, after=wait)
