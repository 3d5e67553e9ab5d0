"""The order of the stages, and nothing else: load → compile → observe → bind and plan → apply."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from aivp_contract import canonical
from aivp_contract.pointer import parts
from aivp_contract.values import Json

from aivp.blobs.sources import Sources
from aivp.compile import Compiled, compile_project
from aivp.config.load import NO_INPUTS, read
from aivp.config.project import Project
from aivp.config.variables import VariableInputs
from aivp.diagnostics import Diagnostic, Diagnostics, Refused
from aivp.model.expression import Template
from aivp.model.graph import ResourceGraph
from aivp.model.place import Place, is_private
from aivp.model.place import variables as place_variables
from aivp.model.resource import IR, Host, SecretSource
from aivp.plugins import Registry

if TYPE_CHECKING:  # each stage's room is imported by the method that enters it: validate needs none of these
    from aivp.apply.oneoff import OneOffRun
    from aivp.apply.run import Run
    from aivp.blobs.bundle import Bundle
    from aivp.blobs.contents import Contents
    from aivp.events import Listener
    from aivp.hosts.archive import Archive
    from aivp.hosts.equipment import Equipment
    from aivp.hosts.greeting import Owner
    from aivp.hosts.sessions import Sessions
    from aivp.model.checked import Checked
    from aivp.model.discovered import Discovery
    from aivp.model.evidence import Evidence, HostEvidence
    from aivp.model.object import Object
    from aivp.model.oneoff import Answer, OneOff
    from aivp.plan.options import Options
    from aivp.plan.steps import Plan
    from aivp.secrets.opener import Opener
    from aivp.state import RunRecord, State


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
        return compile_project(self.read, self.registry, self.sources.load)

    @cached_property
    def sources(self) -> Sources:
        """The project's files as content."""
        return Sources(self.root)

    @cached_property
    def ir(self) -> IR:
        """What planning reads of the declaration."""
        return self.compiled.ir

    @cached_property
    def graph(self) -> ResourceGraph:
        """The resources in their order."""
        return ResourceGraph.of(self.ir, self.registry.kind)

    def to_destroy(self) -> Engine:
        """The same environment with nothing declared in it: planning then ends everything that was created."""
        bare = replace(self)
        nothing = replace(self.ir, resources={}, edges=(), moved={}, imports=(), removed=())
        bare.__dict__ |= {"registry": self.registry, "project": self.project, "compiled": self.compiled, "ir": nothing}
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

        return Equipment(self.registry)

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
            raise _refused(
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

    def observe(self, sessions: Sessions, meanwhile: Callable[[], object] = bool) -> Evidence:
        """Ask every host. Creates no state and changes nothing anywhere.

        meanwhile: what can be done while hosts are on their way, such as importing what comes next.
        """
        state = self.existing_state()
        try:
            objects = [] if state is None else state.objects()
            if self.is_untrusted:
                self._refuse_strangers(objects)
            opener = self._opener(self.ir.secrets)
            if not self.is_untrusted:
                opener.check(None if state is None else state.key_id)
                sessions.expect(self._concerned())  # nothing is wrong with the declaration, or with the key
            meanwhile()
            from aivp.observe.waves import Observer

            self.equipment.configure = partial(opener.configuration, self.ir.providers)
            sessions.reveal = opener.reveal
            observer = Observer(
                ir=self.ir,
                order=self.graph.order,
                kinds=self.registry.kinds,
                objects=objects,
                lineage=None if state is None else state.lineage,
                sessions=sessions,
                render=_render,
                reveal=opener.reveal,
                is_untrusted=self.is_untrusted,
            )
        finally:
            if state is not None:
                state.close()
        return observer.observe()

    def _concerned(self) -> list[Host]:
        """The hosts of declared resources, by name; where there are none, all that are declared."""
        used = {resource.host for resource in self.ir.resources.values()}
        return [host for name, host in sorted(self.ir.hosts.items()) if name in used or not used]

    def discover(self, kind: str, host: str, given: Mapping[str, str], sessions: Sessions) -> Discovery:
        """What exists of a kind on a host, but for what the project declares or state knows. Changes nothing.

        `given`: what narrows the list, in the words of the kind. Raises Refused.
        """
        from aivp.observe.discover import discover

        sessions.reveal = self._opener(self.ir.secrets).reveal
        state = self.existing_state()
        try:
            objects, lineage = ([], None) if state is None else (state.objects(), state.lineage)
        finally:
            if state is not None:
                state.close()
        found = discover(kind, host, given, self.ir, objects, lineage, self.registry, sessions, self.is_untrusted)
        names = {name.rpartition(".")[2] for name in self.project.resources if name.startswith(f"{kind}.")}
        return replace(found, taken=names)

    def check_hosts(self, hosts: Iterable[Host], sessions: Sessions) -> list[Checked]:
        """Whether aivp can work on each. Changes nothing."""
        from aivp.observe.health import check

        return check(hosts, self._asking(sessions), sessions, is_untrusted=self.is_untrusted)

    def facts(self, hosts: Iterable[Host], sessions: Sessions) -> dict[str, HostEvidence]:
        """The facts of each. Changes nothing."""
        from aivp.observe.facts import facts

        return facts(hosts, self._asking(sessions), sessions, is_untrusted=self.is_untrusted)

    def _asking(self, sessions: Sessions) -> Owner:
        """On whose behalf hosts are asked, the passwords of their channels at hand."""
        from aivp.hosts.greeting import Owner

        sessions.reveal = self._opener(self.ir.secrets).reveal
        state = self.existing_state()
        lineage = None if state is None else state.lineage
        if state is not None:
            state.close()
        return Owner(self.ir.project, self.ir.environment, lineage)

    def _refuse_strangers(self, objects: Sequence[Object]) -> None:
        """A stranger's project starts no code of a third party: no lock file says yet which of it was reviewed."""
        found = Diagnostics()
        asked = {item.address: item.kind for item in objects}
        asked |= {address: item.kind for address, item in self.ir.resources.items()}
        for address in sorted(asked):
            kind = self.registry.kind(asked[address])
            if kind is not None and not self.registry.providers[kind.provider].is_first_party:
                why = f"{address} is served by the provider {kind.provider}, which does not come with aivp."
                mend = "--untrusted starts none of these. Review the project, or check it with aivp validate."
                found.add(self._placed(Diagnostic("AIVP0416", why, mend, address=address)))
        found.refuse()

    def plan(self, evidence: Evidence, options: Options) -> Plan:
        """The plan that follows from the declaration and `evidence`. Pure."""
        from aivp.plan.blobs import with_sources
        from aivp.plan.plan import make_plan

        if (evidence.project, evidence.environment) != (self.ir.project, self.ir.environment):
            raise _refused("AIVP0409", f"This evidence is of {evidence.project}/{evidence.environment}.")
        try:
            plan = make_plan(self.ir, self.graph, evidence, self.registry.kinds, _render, options)
            if troubled := {step.host for step in plan.steps if evidence.hosts[step.host].trouble}:
                evidence = evidence.without(troubled)
                plan = make_plan(self.ir, self.graph, evidence, self.registry.kinds, _render, options)
        except Refused as refused:
            raise Refused([self._placed(item) for item in refused.diagnostics], refused.exit_code) from None
        plan = with_sources(plan, self.compiled.blobs) if plan.steps and "compiled" in self.__dict__ else plan
        return self._as_guesses(plan) if self.is_untrusted or evidence.is_untrusted else plan

    def _as_guesses(self, plan: Plan) -> Plan:
        """A plan from evidence that was gathered without running anything of the author's: never to be applied."""
        from aivp.observe.untrusted import unseen

        return replace(plan, is_applicable=False, notes=[*plan.notes, *unseen(self.ir, self.registry.kinds)])

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

    def _placed(self, item: Diagnostic) -> Diagnostic:
        """A diagnostic about a resource with the place where it is declared."""
        if item.span is not None or item.address is None or "compiled" not in self.__dict__:
            return item
        return replace(item, span=self.compiled.sources.span(item.address, *_steps(item.pointer)))

    def contents(self, plan: Plan, bundle: Bundle | None = None) -> Contents:
        """The blobs that `plan` takes: from the project's files, or from its bundle. Raises Refused (exit 4)."""
        from aivp.blobs.contents import Contents
        from aivp.blobs.origin import ProjectFiles
        from aivp.plan.blobs import needed

        wanted = needed(plan.steps)
        return Contents(wanted, ProjectFiles(self.sources, plan.blobs) if bundle is None else bundle.origin(wanted))

    def begin(
        self, body: bytes, state: State, sessions: Sessions, listen: Listener, bundle: Bundle | None = None
    ) -> Run:
        """A run of the plan in `body`, checked against everything but the world itself. Raises Refused (exit 4)."""
        plan = self.read_plan(body)
        if not plan.is_applicable:
            raise _refused(
                "AIVP0503",
                "Parts of this plan are guesses: its evidence is of an older declaration, or from --untrusted.",
                "Plan again against the hosts, without --untrusted once the project is reviewed.",
                4,
            )
        return self._run(plan, body, state, sessions, listen, bundle)

    def resume(
        self, record: RunRecord, state: State, sessions: Sessions, listen: Listener, bundle: Bundle | None = None
    ) -> Run:
        """The run of `record`, ready to go on with."""
        return self._run(self.read_plan(record.body), record.body, state, sessions, listen, bundle)

    def settle(self, record: RunRecord, state: State, sessions: Sessions, listen: Listener) -> Run:
        """The same, to be abandoned: another version than the one that began it must be able to end it."""
        return self._run(self.read_plan(record.body, is_any_code=True), record.body, state, sessions, listen)

    def one_off(
        self, command: OneOff, state: State, sessions: Sessions, listen: Callable[[str, Answer], None]
    ) -> OneOffRun:
        """A run of a command that no declaration knows; known secrets are taken out of what it says. Raises Refused."""
        from aivp_contract.concealment import without_pieces

        from aivp.apply.oneoff import OneOffRun, secrets_in

        if self.is_untrusted:
            raise _refused("AIVP0503", "--untrusted runs nothing on any host.")
        opener = self._opener({name: source for name, (source, _) in self.project.secrets.items()})
        sessions.reveal = opener.reveal
        values, warnings = opener.known()
        Diagnostics(secrets_in(command.argv, values)).refuse()
        conceal = partial(without_pieces, secrets=values)
        return OneOffRun(command, state, sessions, listen, self.now, conceal, warnings)

    def rebuild(self, state: State, sessions: Sessions) -> int:
        """Make a lost state anew from what hosts remember; how many objects came back. Raises Refused.

        State is written before any host follows it: broken off in between, it is lost again, never an empty one.
        """
        from aivp.observe.rebuild import greeted, hand_over, recall, remembered
        from aivp.plan.bind import bind
        from aivp.state.records import new_lineage

        with state.exclusive():
            objects, key_ids = remembered(self.ir, self.registry.kinds, sessions)
            opener = self._opener(self.ir.secrets)
            for key_id in key_ids:
                opener.check(key_id)
            lineage = new_lineage()
            state.rebuild(lineage, self.ir.hosts, objects, key_ids[-1] if key_ids else None)
            hand_over(self.ir, sessions, lineage)
            evidence = self.observe(sessions)
            bound = bind(self.ir, self.graph.order, evidence, self.registry.kinds, _render, is_provisional=True)
            state.put(recall(objects, bound, sessions, partial(greeted, self.ir, sessions, lineage), opener.reveal))
        return len(objects)

    def read_plan(self, body: bytes, *, is_any_code: bool = False) -> Plan:
        """A plan file's bytes as a plan of this project and this code. Raises Refused (exit 4)."""
        from aivp.plan.steps import UNREADABLE, read_plan

        try:
            plan = read_plan(body)
        except UNREADABLE:
            raise _refused("AIVP0505", "This file is no plan, or was tampered with.", "Plan again.", 4) from None
        if (plan.project, plan.environment) != (self.project.name, self.project.environment):
            here = f"{self.project.name}/{self.project.environment}"
            why = f"The plan is for {plan.project}/{plan.environment}, this is {here}."
            raise _refused("AIVP0506", why, "Choose the environment with -e.", 4)
        code = {name: self._code(name) for name in plan.pins.get("providers", {})}
        if (plan.pins["runner"], plan.pins.get("providers", {})) != (self.archive.digest, code) and not is_any_code:
            raise _refused(
                "AIVP0507",
                "The plan was made with other provider code than is installed.",
                "Plan again. For an unfinished run: use the version that began it, or settle it: aivp runs abandon.",
                4,
            )
        return plan

    def _code(self, provider: str) -> str:
        """The digest of a third-party provider's code as it is installed; empty where it is not."""
        return self.equipment.bundle(provider).digest if provider in self.registry.providers else ""

    def _run(
        self,
        plan: Plan,
        body: bytes,
        state: State,
        sessions: Sessions,
        listen: Listener,
        bundle: Bundle | None = None,
    ) -> Run:
        from aivp.apply.run import Run
        from aivp.secrets.opener import variables

        if self.is_untrusted:
            raise _refused("AIVP0503", "--untrusted runs nothing of the project's, so it applies nothing.", exit_code=4)
        opener = self._opener(plan.secrets)
        sessions.withheld |= variables(plan.secrets.values())
        opener.check(state.key_id)
        if opener.key_id is not None:
            state.record_key(opener.key_id)
        opener.open_all()  # sources that fail must do so before the first effect
        self.equipment.configure = partial(opener.configuration, plan.providers)
        sessions.reveal = opener.reveal
        return Run(
            plan=plan,
            digest=canonical.digest_bytes(body),
            state=state,
            sessions=sessions,
            kinds=self.registry.kinds,
            render=_render,
            reveal=opener.reveal,
            listen=listen,
            now=self.now,
            contents=self.contents(plan, bundle),
            generated={name: str(opener.key_id) for name, item in plan.secrets.items() if item.source == "generate"},
        )

    def _opener(self, sources: Mapping[str, SecretSource]) -> Opener:
        from aivp.secrets.opener import Opener

        return Opener.of(
            sources,
            self.root,
            _render,
            project=self.project.name,
            environment=self.project.environment,
            allow_commands=not self.is_untrusted,
        )


def _render(templates: Sequence[Template]) -> list[str]:
    from aivp.templates.texts import texts

    return texts(templates)


def _steps(pointer: str) -> list[str | int]:
    """The steps of a provider's JSON pointer, bounded: it comes from a host."""
    return [int(part) if part.isascii() and part.isdigit() and len(part) < 10 else part for part in parts(pointer)[:20]]


def _refused(code: str, why: str, mend: str = "", exit_code: int = 1) -> Refused:
    return Refused((Diagnostic(code, why, mend),), exit_code)
