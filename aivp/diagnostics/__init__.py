"""What a user can mend: the one shape of every message about input, plan or world. No rendering here."""

from aivp.diagnostics.diagnostic import Diagnostic, Diagnostics, Refused, Related, Span

__all__ = ["Diagnostic", "Diagnostics", "Refused", "Related", "Span"]
