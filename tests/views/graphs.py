"""Graphs as projects have them, of any size, for the tests of pictures and for the pictures in the docs."""

from __future__ import annotations

from aivp.model.resource import IR, Edge, EdgeType, Host, Resource
from aivp.plan.steps import Action, Plan, Severity, Step

WEB: tuple[tuple[str, str, tuple[tuple[str, EdgeType], ...]], ...] = (
    ("package", "nginx", ()),
    ("user", "deploy", ()),
    ("file", "site", (("package.nginx", "depends"),)),
    ("file", "tls_key", (("user.deploy", "implied"),)),
    ("file", "nginx_conf", (("package.nginx", "depends"), ("file.tls_key", "reference"))),
    ("service", "nginx", (("file.nginx_conf", "notify"), ("file.site", "reference"), ("package.nginx", "implied"))),
    ("file", "motd", ()),
    ("command", "warm_cache", (("service.nginx", "depends"),)),
)
"""What is on each web server: kind, name, and what it waits for."""

APPS = ("api", "shop", "search", "images", "mail", "jobs")


def fleet(hosts: int, apps: int = 0) -> IR:
    """`hosts` web servers of 8 resources and 2 for each app, and a database whose address their configuration takes."""
    resources: dict[str, Resource] = {}
    edges: list[Edge] = []

    def declare(kind: str, name: str, host: str, waits: tuple[tuple[str, EdgeType], ...]) -> str:
        address = f"{kind}.{name}@{host}"
        resources[address] = Resource(address, kind, host, {})
        edges.extend(Edge(f"{other}@{host}", address, how) for other, how in waits)
        return address

    declare("package", "postgresql", "db", ())
    declare("file", "pg_hba", "db", (("package.postgresql", "depends"),))
    database = declare("service", "postgresql", "db", (("file.pg_hba", "notify"),))
    names = [f"web{number:02}" for number in range(1, hosts + 1)]
    for name in names:
        for kind, thing, waits in WEB:
            declare(kind, thing, name, waits)
        edges.append(Edge(database, f"file.nginx_conf@{name}", "reference"))
        for app in APPS[:apps]:
            declare("file", app, name, (("user.deploy", "implied"),))
            declare("service", app, name, ((f"file.{app}", "notify"), ("package.nginx", "depends")))
    places = {name: Host(name, "ssh") for name in ("db", *names)}
    return IR("shop", "prod", places, dict(sorted(resources.items())), sorted(edges))


def plan_for(ir: IR, changed: dict[str, tuple[Action, Severity]]) -> Plan:
    """A plan that does this to these addresses."""
    steps = [
        Step(f"{action}:{address}", address, *_kind_and_host(ir, address), action, "why", severity, {}, {})
        for address, (action, severity) in changed.items()
    ]
    return Plan(ir.project, ir.environment, {}, {}, steps, 0)


def _kind_and_host(ir: IR, address: str) -> tuple[str, str]:
    item = ir.resources.get(address)
    return (item.kind, item.host) if item else (address.partition(".")[0], address.partition("@")[2])
