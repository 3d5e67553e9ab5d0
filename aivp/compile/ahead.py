"""A project as it was read → the hosts that its resources name outright, known before anything else is compiled.

What it leaves out may still be a host of some resource; what it gives may still turn out to be of a mistaken project.
"""

from __future__ import annotations

from aivp_contract.values import Json

from aivp.compile.hosts import read_hosts
from aivp.compile.mistake import Mistake
from aivp.compile.scope import Scope
from aivp.compile.syntax import has_reference
from aivp.compile.values import Values
from aivp.config.project import Project
from aivp.diagnostics import Diagnostics
from aivp.model.resource import Host


def hosts_ahead(project: Project) -> list[Host]:
    """Those that stand in `host:` of resources that are there whatever `when` and `for_each` say, by name.

    None where a file, a host or a group has a mistake: nobody is logged in to before that is told.
    """
    diagnostics = Diagnostics([*project.flaws.mistakes])
    variables = {name: item.value for name, item in project.variables.items()}
    scope = Scope(project, variables, Values(project, variables, diagnostics))
    hosts = read_hosts(project, scope, diagnostics)
    if diagnostics.has_errors:
        return []
    found: dict[str, Host] = {}
    for name in {name for item in project.resources.values() for name in _names(item.value)}:
        try:
            found |= {host.name: host for host in hosts.select(name) if host.name in hosts.by_name}
        except Mistake:  # told by compile
            continue
    return [host for _, host in sorted(found.items())]


def _names(body: Json) -> list[str]:
    """Names of hosts, groups and resources that are hosts."""
    if type(body) is not dict or not body.keys().isdisjoint(("when", "for_each")):
        return []
    wanted = body.get("host")
    names = wanted if type(wanted) is list else [wanted]
    return [name for name in names if type(name) is str and not has_reference(name)]
