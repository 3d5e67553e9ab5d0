"""The declaration of one environment, and what follows from it without asking anybody: load → compile → plan."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from aivp_contract import canonical
from aivp_contract.pointer import parts
from aivp_contract.values import Json

from aivp.config.load import NO_INPUTS, read
from aivp.config.project import Project
from aivp.config.variables import VariableInputs
from aivp.diagnostics import Diagnostic, Diagnostics, Refused
from aivp.diagnostics.diagnostic import refusal
from aivp.model.place import Place, is_private
from aivp.model.place import variables as place_variables
from aivp.model.resource import IR, Host, SecretSource

if TYPE_CHECKING:  # each stage's room is imported by the method that enters it: links are on their way meanwhile
    from aivp.blobs.sources import Sources
    from aivp.compile import Compiled
    from aivp.hosts.archive import Archive
    from aivp.hosts.equipment import Equipment
    from aivp.hosts.sessions import Sessions
    from aivp.model.evidence import Evidence
    from aivp.model.expression import Template
    from aivp.model.graph import ResourceGraph
    from aivp.plan.options import Options
    from aivp.plan.steps import Plan
    from aivp.plugins import Registry
    from aivp.secrets.opener import Opener
    from aivp.state import State


@dataclass
class Engine:
    """One command's work on one environment of one project. Stages are computed when first asked for."""

    root: Path
    environment: str | None = None
    variables: VariableInputs = NO_INPUTS
    parallelism: int = 10
    is_untrusted: bool = False
    warn: Callable[[Sequence[Diagnostic]], object] = lambda _: None
    now: Callable[[], str] = field(
        default=lambda: datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    )

    @cached_property
    def registry(self) -> Registry:
        """Installed providers; a warning for each that cannot be used."""
        from aivp.plugins import Registry

        found = Registry.discover()
        self.warn(found.flaws)
        return found

    @cached_property
    def project(self) -> Project:
        """The declarations. Raises Refused."""
        Diagnostics([*self.read.flaws.mistakes]).refuse()
        return self.read

    @cached_property
    def read(self) -> Project:
        """The declarations, as far as they could be read. Raises Refused where they could not be at all."""
        return read(self.root, environment=self.environment, variables=self.variables)

    @cached_property
    def compiled(self) -> Compiled:
        """The program. Raises Refused with all that is wrong, in its files and beyond."""
        from aivp.compile import compile_project

        return compile_project(self.read, self.registry, self.sources.load)

    @cached_property
    def sources(self) -> Sources:
        """The project's files as content."""
        from aivp.blobs.sources import Sources

        return Sources(self.root)

    @cached_property
    def ir(self) -> IR:
        """What planning reads of the declaration."""
        return self.compiled.ir

    @cached_property
    def graph(self) -> ResourceGraph:
        """The resources in their order."""
        from aivp.model.graph import ResourceGraph

        return ResourceGraph.of(self.ir, self.registry.kind)

    @cached_property
    def hosts_ahead(self) -> list[Host]:
        """The hosts that can be connected to while the rest is compiled, whatever comes of that. Raises Refused."""
        from aivp.compile.ahead import hosts_ahead

        return [] if self.is_untrusted else hosts_ahead(self.read)

    def to_destroy(self) -> Engine:
        """The same environment with nothing declared in it: planning then ends everything that was created."""
        bare = replace(self)
        nothing = replace(self.ir, resources={}, edges=(), moved={}, imports=(), removed=())
        known = {"registry": self.registry, "read": self.read, "project": self.project, "compiled": self.compiled}
        bare.__dict__ |= {**known, "ir": nothing}
        return bare

    @cached_property
    def archive(self) -> Archive:
        """What is shipped to hosts."""
        from aivp.hosts.archive import build

        return build(self.registry)

    @cached_property
    def equipment(self) -> Equipment:
        """What third-party providers' kinds need on hosts."""
        from aivp.hosts.equipment import Equipment

        return Equipment(lambda: self.registry)

    def sessions(self) -> Sessions:
        """A fresh set of host sessions; close it when done."""
        from aivp.hosts.sessions import Sessions
        from aivp.secrets.opener import variables

        sessions = Sessions(lambda: self.archive, self.parallelism, equipment=self.equipment)
        sessions.withheld |= variables(source for source, _ in self.read.secrets.values())
        sessions.withheld |= place_variables(self.read.state)
        return sessions

    @property
    def place(self) -> Place:
        """Where state lives. Raises Refused where a stranger's project would choose whom we log in to."""
        if self.is_untrusted and not is_private(self.project.state):
            raise refusal(
                "AIVP0846",
                f"State is {self.project.state}, and --untrusted goes nowhere that the project names.",
                "Leave --untrusted out once the project is reviewed, or plan from evidence: aivp plan --observed FILE",
            )
        return self.project.state

    def state(self) -> State:
        """The environment's state, created where there is none."""
        from aivp.state import open_state

        return open_state(self.place, self.root, self.project.name, self.project.environment)

    def existing_state(self) -> State | None:
        """The environment's state, None where there is none yet."""
        from aivp.state import open_existing

        return open_existing(self.place, self.root, self.project.name, self.project.environment)

    def plan(self, evidence: Evidence, options: Options) -> Plan:
        """The plan that follows from the declaration and `evidence`. Pure."""
        from aivp.plan.blobs import with_sources
        from aivp.plan.plan import make_plan

        if (evidence.project, evidence.environment) != (self.ir.project, self.ir.environment):
            raise refusal("AIVP0409", f"This evidence is of {evidence.project}/{evidence.environment}.")
        try:
            plan = make_plan(self.ir, self.graph, evidence, self.registry.kinds, render, options)
            if troubled := {step.host for step in plan.steps if evidence.hosts[step.host].trouble}:
                evidence = evidence.without(troubled)
                plan = make_plan(self.ir, self.graph, evidence, self.registry.kinds, render, options)
        except Refused as refused:
            raise Refused([self.placed(item) for item in refused.diagnostics], refused.exit_code) from None
        plan = with_sources(plan, self.compiled.blobs) if plan.steps and "compiled" in self.__dict__ else plan
        return self._for_review(plan, evidence) if self.is_untrusted or evidence.is_untrusted else plan

    def _for_review(self, plan: Plan, evidence: Evidence) -> Plan:
        """A plan of a stranger's project: never to be applied. What nobody looked at on their account is said.

        Evidence that somebody trusted has recorded is whole, whoever plans from it.
        """
        from aivp.observe.untrusted import unseen

        notes = unseen(self.ir, self.registry.kinds) if evidence.is_untrusted else []
        return replace(plan, is_applicable=False, notes=[*plan.notes, *notes])

    def source_map(self, plan: Plan) -> bytes:
        """Where each step's resource and its fields are declared: canonical JSON, address → pointer → place.

        It lies beside the plan and outside of every digest, so that moving a line changes no plan.
        """
        found: dict[str, Json] = {}
        for step in plan.steps:
            names = {*step.config, *(change.path.split("/")[1] for change in step.changes)}
            whole = self.compiled.sources.span(step.address)
            spans = {f"/{name}": self.compiled.sources.span(step.address, name) for name in sorted(names)}
            if whole is not None:
                fields = {text: str(span) for text, span in spans.items() if span not in (None, whole)}
                found[step.address] = {"": str(whole), **fields}
        return canonical.encode(found)

    def placed(self, item: Diagnostic) -> Diagnostic:
        """A diagnostic about a resource with the place where it is declared."""
        if item.span is not None or item.address is None or "compiled" not in self.__dict__:
            return item
        return replace(item, span=self.compiled.sources.span(item.address, *_steps(item.pointer)))

    def opener(self, sources: Mapping[str, SecretSource]) -> Opener:
        """For what hosts are asked, or given, on behalf of this environment."""
        from aivp.secrets.opener import Opener

        return Opener.of(
            sources,
            self.root,
            render,
            project=self.project.name,
            environment=self.project.environment,
            allow_commands=not self.is_untrusted,
        )


def render(templates: Sequence[Template]) -> list[str]:
    """The texts of templates with plain variables. Raises Refused."""
    from aivp.templates.texts import texts

    return texts(templates)


def _steps(pointer: str) -> list[str | int]:
    """The steps of a provider's JSON pointer, bounded: it comes from a host."""
    return [int(part) if part.isascii() and part.isdigit() and len(part) < 10 else part for part in parts(pointer)[:20]]
