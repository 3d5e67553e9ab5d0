"""References that need no other resource → values: var, values, each, host, environment, project, secret, facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aivp_contract.values import Json, Tagged, Unknown

from aivp.compile.instance import Instance
from aivp.compile.mistake import Mistake, Reported
from aivp.compile.syntax import ValuePath
from aivp.config.project import Project
from aivp.model.address import CONTROLLER
from aivp.model.expression import Fact, secret
from aivp.model.facts import ELSEWHERE, FACTS
from aivp.model.resource import Host
from aivp.plugins.suggestion import did_you_mean, listing


@dataclass(frozen=True)
class Scope:
    """What a text may refer to at its place; a part that is None is not there yet, or not at all."""

    project: Project
    variables: Mapping[str, Json] = field(default_factory=dict)
    values: Mapping[str, Json] = field(default_factory=dict)
    host: Host | None = None
    key: str | None = None
    item: Json = None
    unknown: frozenset[str] = frozenset()
    """Roots that stand for nothing known here, since there is a mistake that is already reported: each, host."""
    is_on_controller: bool = False
    """It is about a resource that is served on the controller."""

    def of(self, instance: Instance) -> Scope:
        """The same inside a resource."""
        return replace(
            self,
            host=instance.host,
            key=instance.key,
            item=instance.item,
            unknown=instance.unknown,
            is_on_controller=instance.place == CONTROLLER,
        )

    def on_controller(self) -> Scope:
        """The same for what is served beside the engine: there is no host to ask."""
        return replace(self, is_on_controller=True)

    def on(self, host: Host | None) -> Scope:
        """The same with a host."""
        return replace(self, host=host)

    def each(self, key: str | None, item: Json) -> Scope:
        """The same inside `for_each`."""
        return replace(self, key=key, item=item)

    def find(self, path: ValuePath) -> Json:
        """What `path` stands for: plain JSON, a Fact or a Secret. Raises Mistake."""
        match path.root:
            case "var":
                return self._named(path, self.variables, "variable")
            case "values":
                return self._named(path, self.values, "value")
            case "secret":
                return self._secret(path)
            case "each":
                return self._each(path)
            case "host":
                return self._host(path)
            case root:
                name = self.project.environment if root == "environment" else self.project.name
                if path.path != ("name",):
                    raise Mistake("AIVP0202", f"${{{path}}} is not known.", f"Write ${{{root}.name}}.")
                return name

    def index(self, step: str | int | ValuePath) -> str | int:
        """A step with a path in its bracket looked up. Raises Mistake."""
        if not isinstance(step, ValuePath):
            return step
        found = self.find(step)
        if type(found) is not str and type(found) is not int:
            raise Mistake("AIVP0221", f"[{step}] is no text and no whole number, so it cannot be an index.")
        return found

    def walk(self, value: Json, steps: Sequence[str | int | ValuePath], text: str) -> Json:
        """What stands at `steps` beneath `value`. Raises Mistake."""
        for step in steps:
            value = step_into(_unbroken(value), self.index(step), text)
        return _unbroken(value)

    def _named(self, path: ValuePath, known: Mapping[str, Json], noun: str) -> Json:
        if not path.path:
            raise Mistake("AIVP0202", f"${{{path}}} lacks the name of a {noun}.", _known(known, noun))
        name = str(self.index(path.path[0]))
        if name not in known:
            raise Mistake(
                "AIVP0202",
                f"${{{path}}} refers to the {noun} {name}, which is not declared.",
                did_you_mean(name, known) or _known(known, noun),
            )
        return self.walk(known[name], path.path[1:], str(path))

    def _secret(self, path: ValuePath) -> Json:
        known = self.project.secrets
        name = str(self.index(path.path[0])) if path.path else ""
        if self.project.is_broken("secrets", name):
            raise Reported
        if name not in known:
            raise Mistake(
                "AIVP0202",
                f"${{{path}}} refers to a secret that is not declared.",
                did_you_mean(name, known) or _known(known, "secret"),
            )
        if len(path.path) > 1:
            raise Mistake("AIVP0221", f"${{{path}}} looks into a secret, which is text.", f"Write ${{secret.{name}}}.")
        return secret(name, known[name][0].version)

    def _each(self, path: ValuePath) -> Json:
        if "each" in self.unknown:
            raise Reported
        if self.key is None:
            mend = "Add for_each to the resource, or take the reference out."
            raise Mistake("AIVP0202", f"${{{path}}} stands where there is no for_each.", mend)
        match path.path:
            case ("key",):
                return self.key
            case ("value", *steps):
                return self.walk(self.item, steps, str(path))
            case _:
                raise Mistake("AIVP0202", f"${{{path}}} is not known.", "Write ${each.key} or ${each.value}.")

    def _host(self, path: ValuePath) -> Json:
        host = self.host
        if "host" in self.unknown:
            if path.path[:1] == ("facts",):
                known_fact(path, path.path[1:])
            raise Reported
        if self.is_on_controller:
            why = f"${{{path}}} stands in a resource that is served on the controller, so it has no host."
            raise Mistake("AIVP0202", why, "Use var or values here, or a field of a resource that has a host.")
        if host is None:
            mend = "Only fields, when, and a for_each that does not choose the host know one; use var or values here."
            raise Mistake("AIVP0202", f"${{{path}}} stands where there is no host.", mend)
        match path.path:
            case ("name",):
                return host.name
            case ("vars", name, *steps):
                name = str(self.index(name))
                if name not in host.vars:
                    why = f"${{{path}}}: the host {host.name} has no variable {name}."
                    raise Mistake("AIVP0202", why, did_you_mean(name, host.vars) or _known(host.vars, "host variable"))
                return self.walk(host.vars[name], steps, str(path))
            case ("facts", *steps):
                return Fact(host.name, known_fact(path, steps))
            case _:
                mend = "Write host.name, host.vars.NAME or host.facts.NAME."
                raise Mistake("AIVP0202", f"${{{path}}} is not known.", mend)


def _unbroken(value: Json) -> Json:
    if isinstance(value, Unknown):
        raise Reported
    return value


def known_fact(path: ValuePath, steps: Sequence[str | int | ValuePath]) -> tuple[str, ...]:
    """The path of a fact. Raises Mistake for one that the runner does not gather."""
    name = ".".join(str(step) for step in steps)
    if name in FACTS:
        return tuple(name.split("."))
    elsewhere = ELSEWHERE.get(name.removeprefix("ansible_"))
    mend = f"Did you mean {elsewhere}?" if elsewhere else did_you_mean(name, FACTS)
    raise Mistake("AIVP0204", f"{path} is no known fact.", mend or f"Known facts: {listing(FACTS, 30)}.")


def step_into(value: Json, step: str | int, text: str) -> Json:
    """One step into a list or mapping. Raises Mistake."""
    match value:
        case dict():
            if str(step) in value:
                return value[str(step)]
            mend = did_you_mean(str(step), value) or (f"There are: {listing(value)}." if value else "")
            raise Mistake("AIVP0221", f"${{{text}}}: there is no {step}.", mend)
        case list():
            if type(step) is str and step.isascii() and step.isdigit():
                step = int(step[:15])
            if type(step) is int and step < len(value):
                return value[step]
            raise Mistake("AIVP0221", f"${{{text}}}: a list of {len(value)} has no element {step}.")
        case Tagged():
            raise Mistake("AIVP0221", f"${{{text}}} looks into a value that is known only later.")
        case _:
            raise Mistake("AIVP0221", f"${{{text}}}: {step} looks into a value that is no list and no mapping.")


def _known(known: Mapping[str, Json], noun: str) -> str:
    return f"Declared: {listing(known)}." if known else f"No {noun} is declared."
