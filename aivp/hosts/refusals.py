"""A runner's refusal → the diagnostic that tells a person what to do."""

from __future__ import annotations

from aivp.diagnostics import Diagnostic, Refused
from aivp.hosts.session import Refusal


def refused(refusal: Refusal) -> Refused:
    """The diagnostic of a refusal, ready to be raised."""
    host = refusal.host
    run = str(refusal.details.get("run", ""))[:64]
    why = str(refusal.details.get("why", ""))[:400]
    match refusal.code:
        case "locked":
            found = Diagnostic(
                "AIVP0604", f"Another apply is at work on {host}.", "Wait for it to end, then try again."
            )
        case "open-run":
            found = Diagnostic(
                "AIVP0605",
                f"{host} has an unfinished run {run} of this environment.",
                "Resume it with: aivp apply --resume, or settle it with: aivp runs abandon.",
            )
        case "lineage":
            found = Diagnostic(
                "AIVP0606",
                f"{host} is managed under another state of this project and environment.",
                "Use the checkout that holds that state. If it is lost for good: aivp state rebuild.",
            )
        case "busy":
            found = Diagnostic(
                "AIVP0607",
                f"A command of the interrupted run {run} is still running on {host}.",
                "Wait for it to end, then try again.",
            )
        case "no-state":
            found = Diagnostic(
                "AIVP0608",
                f"{host} has no private folder where the runner could keep its journal.",
                "Make /var/lib/aivp (for root) or ~/.local/state/aivp writable for the user that aivp works as there.",
            )
        case "no-room":
            folder, lack = str(refusal.details.get("folder", ""))[:200], refusal.details.get("lack")
            missing = -(-lack // 1024**2) if type(lack) is int else 0
            found = Diagnostic(
                "AIVP0630",
                f"The file system of {folder} on {host} has {missing} MiB too few for content that the plan takes.",
                "Make room there, then apply again. Nothing was changed.",
            )
        case "provider":
            name = str(refusal.details.get("name", ""))[:64]
            found = Diagnostic("AIVP0614", f"The provider {name} cannot work on {host}: {why}.")
        case "too-new":
            found = Diagnostic("AIVP0613", f"{host}: {why}.", "Use the aivp that wrote it, or a newer one.")
        case _:
            found = Diagnostic(
                "AIVP0608",
                f"{host}: {why or refusal.code}.",
                "See whether its disk is full or failing. A run that had begun goes on with: aivp apply --resume.",
            )
    return Refused((found,))
