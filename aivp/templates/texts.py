"""Templates of the language, as expressions with all their variables known → texts."""

from __future__ import annotations

from collections.abc import Sequence

from aivp.diagnostics import Diagnostic, Refused, Span
from aivp.model.expression import Template
from aivp.templates.render import Job, Problem, render


def texts(templates: Sequence[Template]) -> list[str]:
    """The text of each. Raises Refused with the problem of every one that has one."""
    jobs = [Job(item.name, item.source, frozenset(item.vars), item.vars) for item in templates]
    found = render(jobs)
    problems = [_diagnostic(job, item) for job, item in zip(jobs, found, strict=True) if isinstance(item, Problem)]
    if problems:
        raise Refused(problems)
    return [str(text) for text in found]


def _diagnostic(job: Job, problem: Problem) -> Diagnostic:
    span = Span(job.name, problem.line, problem.column) if problem.line else None
    return Diagnostic(problem.code, problem.why, problem.mend, span)
