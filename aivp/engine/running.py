"""Runs of plans: what is applied, gone on with, settled; and one-off commands, which no plan knows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aivp_contract import canonical

from aivp.diagnostics import Diagnostics
from aivp.diagnostics.diagnostic import refusal
from aivp.engine.engine import Engine, render

if TYPE_CHECKING:  # links are on their way while the rest is imported
    from aivp.apply.oneoff import OneOffRun
    from aivp.apply.run import Run
    from aivp.blobs.bundle import Bundle
    from aivp.blobs.contents import Contents
    from aivp.events import Listener
    from aivp.hosts.sessions import Sessions
    from aivp.model.oneoff import Answer, OneOff
    from aivp.plan.steps import Plan
    from aivp.state import RunRecord, State


def read_plan(engine: Engine, body: bytes, *, is_any_code: bool = False) -> Plan:
    """A plan file's bytes as a plan of this project and this code. Raises Refused (exit 4)."""
    from aivp.plan import steps

    try:
        plan = steps.read_plan(body)
    except steps.UNREADABLE:
        raise refusal("AIVP0505", "This file is no plan, or was tampered with.", "Plan again.", exit_code=4) from None
    if (plan.project, plan.environment) != (engine.project.name, engine.project.environment):
        here = f"{engine.project.name}/{engine.project.environment}"
        why = f"The plan is for {plan.project}/{plan.environment}, this is {here}."
        raise refusal("AIVP0506", why, "Choose the environment with -e.", exit_code=4)
    code = {name: _code(engine, name) for name in plan.pins.get("providers", {})}
    if (plan.pins["runner"], plan.pins.get("providers", {})) != (engine.archive.digest, code) and not is_any_code:
        raise refusal(
            "AIVP0507",
            "The plan was made with other provider code than is installed.",
            "Plan again. For an unfinished run: use the version that began it, or settle it: aivp runs abandon.",
            exit_code=4,
        )
    return plan


def _code(engine: Engine, provider: str) -> str:
    """The digest of a third-party provider's code as it is installed; empty where it is not."""
    return engine.equipment.bundle(provider).digest if provider in engine.registry.providers else ""


def contents(engine: Engine, plan: Plan, bundle: Bundle | None = None) -> Contents:
    """The blobs that `plan` takes: from the project's files, or from its bundle. Raises Refused (exit 4)."""
    from aivp.blobs.contents import Contents
    from aivp.blobs.origin import ProjectFiles
    from aivp.plan.blobs import needed

    wanted = needed(plan.steps)
    return Contents(wanted, ProjectFiles(engine.sources, plan.blobs) if bundle is None else bundle.origin(wanted))


def begin(
    engine: Engine, body: bytes, state: State, sessions: Sessions, listen: Listener, bundle: Bundle | None = None
) -> Run:
    """A run of the plan in `body`, checked against everything but the world itself. Raises Refused (exit 4)."""
    plan = read_plan(engine, body)
    if not plan.is_applicable:
        raise refusal(
            "AIVP0503",
            "Parts of this plan are guesses: its evidence is of an older declaration, or from --untrusted.",
            "Plan again against the hosts, without --untrusted once the project is reviewed.",
            exit_code=4,
        )
    return _run(engine, plan, body, state, sessions, listen, bundle)


def resume(
    engine: Engine, record: RunRecord, state: State, sessions: Sessions, listen: Listener, bundle: Bundle | None = None
) -> Run:
    """The run of `record`, ready to go on with."""
    return _run(engine, read_plan(engine, record.body), record.body, state, sessions, listen, bundle)


def settle(engine: Engine, record: RunRecord, state: State, sessions: Sessions, listen: Listener) -> Run:
    """The same, to be abandoned: another version than the one that began it must be able to end it."""
    return _run(engine, read_plan(engine, record.body, is_any_code=True), record.body, state, sessions, listen)


def one_off(
    engine: Engine, command: OneOff, state: State, sessions: Sessions, listen: Callable[[str, Answer], None]
) -> OneOffRun:
    """A run of a command that no declaration knows; known secrets are taken out of what it says. Raises Refused."""
    from aivp_contract.concealment import without_pieces

    from aivp.apply.oneoff import OneOffRun, secrets_in

    if engine.is_untrusted:
        raise refusal("AIVP0503", "--untrusted runs nothing on any host.")
    opener = engine.opener({name: source for name, (source, _) in engine.project.secrets.items()})
    sessions.reveal = opener.reveal
    values, warnings = opener.known()
    Diagnostics(secrets_in(command.argv, values)).refuse()
    conceal = partial(without_pieces, secrets=values)
    return OneOffRun(command, state, sessions, listen, engine.now, conceal, warnings)


def _run(
    engine: Engine,
    plan: Plan,
    body: bytes,
    state: State,
    sessions: Sessions,
    listen: Listener,
    bundle: Bundle | None = None,
) -> Run:
    from aivp.apply.run import Run
    from aivp.secrets.opener import variables

    if engine.is_untrusted:
        raise refusal("AIVP0503", "--untrusted runs nothing of the project's, so it applies nothing.", exit_code=4)
    opener = engine.opener(plan.secrets)
    sessions.withheld |= variables(plan.secrets.values())
    opener.check(state.key_id)
    if opener.key_id is not None:
        state.record_key(opener.key_id)
    opener.open_all()  # sources that fail must do so before the first effect
    engine.equipment.configure = partial(opener.configuration, plan.providers)
    sessions.reveal = opener.reveal
    return Run(
        plan=plan,
        digest=canonical.digest_bytes(body),
        state=state,
        sessions=sessions,
        kinds=engine.registry.kinds,
        render=render,
        reveal=opener.reveal,
        listen=listen,
        now=engine.now,
        contents=contents(engine, plan, bundle),
        generated={name: str(opener.key_id) for name, item in plan.secrets.items() if item.source == "generate"},
    )
