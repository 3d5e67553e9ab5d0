"""Events of a run → OpenTelemetry spans over OTLP/HTTP: the run, its hosts, their steps, what their providers did.

The sole door to opentelemetry, which is an extra. Attributes are names, kinds and outcomes: never a value, nor what a
provider says. Whoever receives it can neither fail nor hold up a run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from aivp import __version__
from aivp.events.event import Event, RunEnded, RunStarted, StepEnded, StepsStarted

PATIENCE = 2.0
"""Seconds that the end of a command waits for its last spans to be taken."""

QUEUE = 100_000
"""Spans that wait to be sent; of what is more, the newest are lost."""

BROKEN = ("failed", "stale", "lost", "blocked")


class Tracing:
    """Listens to one run. `seconds` of an event count from the begin of the run."""

    def __init__(self, environ: Mapping[str, str], project: str, environment: str) -> None:
        for name in ("opentelemetry", "urllib3"):
            logging.getLogger(name).addHandler(logging.NullHandler())
            logging.getLogger(name).propagate = False  # what they would tell people is told once, by whoever closes
        names = {} if "OTEL_SERVICE_NAME" in environ else {SERVICE_NAME: "aivp"}
        self.exporter = _Watched(OTLPSpanExporter())
        self.provider = TracerProvider(
            resource=Resource.create({**names, SERVICE_VERSION: __version__}), shutdown_on_exit=False
        )
        self.provider.add_span_processor(
            BatchSpanProcessor(self.exporter, max_queue_size=QUEUE, schedule_delay_millis=1000)
        )
        self.tracer: Tracer = self.provider.get_tracer("aivp", __version__)
        carrier = {name: environ[name.upper()] for name in ("traceparent", "tracestate") if name.upper() in environ}
        self.outside = TraceContextTextMapPropagator().extract(carrier)
        self.about = {"aivp.project": project, "aivp.environment": environment}
        self.began = time.time_ns()
        self.run: Span | None = None
        self.hosts: dict[str, Span] = {}
        self.last: dict[str, int] = {}

    def listen(self, event: Event, seconds: float) -> None:
        """Begin or end what `event` tells of."""
        match event:
            case RunStarted():
                self.began = time.time_ns() - round(seconds * 1e9)
                told: dict[str, str | int | bool] = {**self.about, "aivp.run": event.run, "aivp.plan": event.plan}
                told["aivp.steps"] = event.steps
                told["aivp.is_resumed"] = event.is_resumed
                self.run = self.tracer.start_span(
                    "aivp run", self.outside, SpanKind.INTERNAL, told, start_time=self._at(seconds)
                )
            case StepsStarted():
                self._host(event.host, seconds)
            case StepEnded():
                self._step(event, seconds)
            case RunEnded():
                self._end(event, seconds)
            case _:
                pass

    def close(self) -> bool:
        """Send what is left, as far as that takes no longer than PATIENCE; False where any of it could not be sent."""
        if self.run is not None:
            self._end(RunEnded("", "interrupted", {}), (time.time_ns() - self.began) / 1e9)
        sender = threading.Thread(target=self.provider.force_flush, args=(round(PATIENCE * 1000),), daemon=True)
        sender.start()
        sender.join(PATIENCE)
        is_late = sender.is_alive()
        threading.Thread(target=self.provider.shutdown, daemon=True).start()
        return not (is_late or self.exporter.has_failed)

    def _host(self, name: str, seconds: float) -> Span:
        if name not in self.hosts:
            context = None if self.run is None else set_span_in_context(self.run)
            at = self._at(seconds)
            self.hosts[name] = self.tracer.start_span(
                f"host {name}"[:LONGEST], context, SpanKind.INTERNAL, {"aivp.host": name}, start_time=at
            )
        return self.hosts[name]

    def _step(self, event: StepEnded, seconds: float) -> None:
        parent = self._host(event.host, seconds)
        kind = event.address.partition(".")[0]
        told = {
            "aivp.host": event.host,
            "aivp.address": event.address,
            "aivp.kind": kind,
            "aivp.planned": event.step.partition(":")[0],
            "aivp.action": event.action,
            "aivp.outcome": event.status,
        }
        if event.error is not None:
            told["error.type"] = str(event.error.get("class"))
        ended = self._at(seconds)
        began = ended if event.began is None else min(self._at(event.began), ended)
        context = set_span_in_context(parent)
        name = f"{event.action} {event.address}"[:LONGEST]
        span = self.tracer.start_span(name, context, SpanKind.INTERNAL, told, start_time=began)
        if event.effect is not None:
            call = self.tracer.start_span(
                f"apply {kind}"[:LONGEST],
                set_span_in_context(span),
                SpanKind.CLIENT,
                {name: told[name] for name in ("aivp.host", "aivp.address", "aivp.kind", "aivp.action")},
                start_time=min(self._at(event.effect[0]), ended),
            )
            call.end(min(self._at(event.effect[1]), ended))
        if event.status in BROKEN:
            span.set_status(Status(StatusCode.ERROR, event.status))
        self.last[event.host] = ended
        span.end(ended)

    def _end(self, event: RunEnded, seconds: float) -> None:
        for name, span in self.hosts.items():
            span.end(self.last.get(name, self._at(seconds)))
        if self.run is not None:
            self.run.set_attribute("aivp.outcome", event.status)
            self.run.set_attributes({f"aivp.steps.{status}": number for status, number in event.counts.items()})
            if event.status != "done":
                self.run.set_status(Status(StatusCode.ERROR, event.status))
            self.run.end(self._at(seconds))
        self.run, self.hosts = None, {}

    def _at(self, seconds: float) -> int:
        return self.began + round(seconds * 1e9)


LONGEST = 200
"""Characters of a span's name."""


class _Watched(SpanExporter):
    """Another exporter, and whether it has ever failed."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.exporter = exporter
        self.has_failed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand on; a failure is remembered. What an exporter raises is a failure, too: nothing may reach the run."""
        try:
            result = self.exporter.export(spans)
        except Exception:  # noqa: BLE001  # a process boundary: the network, and a library's threads
            result = SpanExportResult.FAILURE
        self.has_failed |= result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        """End it."""
        self.exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held back here."""
        return True
