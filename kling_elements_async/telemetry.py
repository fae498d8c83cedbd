"""Traces and metrics by OpenTelemetry, made of the session's events. The only file that needs the extra ``otel``.

Law: a listener like any other, ``ElementsSession(gateway, on_event=Telemetry(gateway))``; it changes nothing that
the session does. Sources: OpenTelemetry's semantic conventions "HTTP" (client spans, and the metric
``http.client.request.duration``) and "Recording errors" (``error.type``).
"""

import time
from collections.abc import Callable
from contextvars import Token
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import context, metrics, trace
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from . import events
from .arguments import check
from .models import ElementTask, TaskStatus
from .version import __version__
from .wire import Gateway

Attributes = dict[str, Any]

_SCOPE = "kling_elements_async"
_LINKS_KEPT = 10_000
# The buckets that the convention advises for seconds of HTTP.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


class Telemetry:
    """Spans and metrics of one session.

    Spans: ``create element`` and ``wait for element`` around what a caller awaits, a client span for each request
    within them, and ``element callback``, linked to the create of its task. Metrics, in seconds where they measure
    time: ``http.client.request.duration``, ``kling.elements.polls``, ``kling.elements.lateness`` (from a task's
    end by the gateway's clock to its sight), ``kling.elements.retries``, ``kling.elements.adopted``,
    ``kling.elements.gate.closed`` and ``kling.elements.running``. The providers are the global ones by default.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        check(gateway, "gateway", "a gateway, and no session, is expected", Gateway)
        self._tracer = trace.get_tracer(_SCOPE, __version__, tracer_provider)
        meter = metrics.get_meter(_SCOPE, __version__, meter_provider)
        url = urlsplit(gateway.base_url)
        port = url.port or (443 if url.scheme == "https" else 80)
        self._server: Attributes = {"server.address": url.hostname or "", "server.port": port}
        self._gateway: Attributes = {"kling.gateway": gateway.name}
        self._open: dict[tuple[str, int], tuple[Span, Token[context.Context]]] = {}
        self._creates: dict[str, trace.SpanContext] = {}
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            "s",
            "Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._lateness = meter.create_histogram(
            "kling.elements.lateness", "s", "From the end of a task until it is known."
        )
        self._polls = meter.create_counter("kling.elements.polls", "{request}", "Looks at unfinished tasks.")
        self._retries = meter.create_counter("kling.elements.retries", "{request}", "Requests sent again.")
        self._adopted = meter.create_counter(
            "kling.elements.adopted", "{element}", "Lost creates that were found."
        )
        self._closed = meter.create_counter("kling.elements.gate.closed", "s", "Time for which calls had to stop.")
        self._running = meter.create_gauge("kling.elements.running", "{task}", "Tasks that hold a slot.")
        self._tellers: dict[type, Callable[[Any], None]] = {
            events.CreateBegan: self._create_began,
            events.CreateEnded: self._create_ended,
            events.WaitBegan: self._wait_began,
            events.WaitEnded: self._wait_ended,
            events.Sent: self._sent,
            events.CalledBack: self._called_back,
            events.Settled: self._settled,
            events.Looked: lambda _: self._polls.add(1, self._gateway),
            events.Retried: lambda event: self._retries.add(1, self._gateway | _type_of(event.error)),
            events.Adopted: lambda _: self._adopted.add(1, self._gateway),
            events.GateClosed: lambda event: self._closed.add(event.seconds, self._gateway),
            events.Queued: lambda event: self._running.set(event.running, self._gateway),
        }

    def __call__(self, event: events.Event) -> None:
        """Take in what the session did."""
        if teller := self._tellers.get(type(event)):
            teller(event)

    def _create_began(self, event: events.CreateBegan) -> None:
        self._begin("create", event.number, "create element", {"kling.element.name": event.name})

    def _create_ended(self, event: events.CreateEnded) -> None:
        span = self._end("create", event.number, event.task, event.error)
        self._running.set(event.running, self._gateway)
        if event.task is not None:
            self._creates[event.task.task_id] = span.get_span_context()
            if len(self._creates) > _LINKS_KEPT:
                del self._creates[next(iter(self._creates))]

    def _wait_began(self, event: events.WaitBegan) -> None:
        self._begin("wait", event.number, "wait for element", {"kling.task.id": event.task_id}, event.task_id)

    def _wait_ended(self, event: events.WaitEnded) -> None:
        self._end("wait", event.number, event.task, event.error)

    def _begin(self, kind: str, number: int, name: str, attributes: Attributes, task_id: str = "") -> None:
        span = self._tracer.start_span(name, attributes=self._gateway | attributes, links=self._links(task_id))
        # The requests within become its children: begin and end are told in the task of the caller.
        self._open[kind, number] = span, context.attach(trace.set_span_in_context(span))

    def _end(self, kind: str, number: int, task: ElementTask | None, error: BaseException | None) -> Span:
        span, token = self._open.pop((kind, number))
        if task is not None:
            span.set_attributes(_attributes_of(task))
        if error is not None:
            span.set_attributes(_type_of(error))
            span.set_status(Status(StatusCode.ERROR, str(error)))
        context.detach(token)
        span.end()
        return span

    def _sent(self, event: events.Sent) -> None:
        attributes = self._server | {"http.request.method": event.method}
        if event.status:
            attributes["http.response.status_code"] = event.status
        if event.error is not None:
            attributes |= _type_of(event.error)
        self._duration.record(event.seconds, attributes)
        ended = time.time_ns()
        span = self._tracer.start_span(
            event.method,
            kind=SpanKind.CLIENT,
            attributes=attributes | {"kling.call": event.what.partition(" ")[0]},
            start_time=ended - int(event.seconds * 1e9),
        )
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR, str(event.error)))
        span.end(ended)

    def _called_back(self, event: events.CalledBack) -> None:
        attributes = {"kling.task.id": event.task_id, "kling.task.status": str(event.status)}
        self._tracer.start_span(
            "element callback",
            kind=SpanKind.CONSUMER,
            attributes=self._gateway | attributes | {"kling.callback.signed": event.is_signed},
            links=self._links(event.task_id),
        ).end()

    def _settled(self, event: events.Settled) -> None:
        if event.task.updated_at is not None:
            late = (datetime.now(UTC) - event.task.updated_at).total_seconds()
            self._lateness.record(max(0.0, late), self._gateway)

    def _links(self, task_id: str) -> list[Link]:
        found = self._creates.get(task_id)
        return [Link(found)] if found else []


def _attributes_of(task: ElementTask) -> Attributes:
    attributes: Attributes = {"kling.task.id": task.task_id, "kling.task.status": str(task.status)}
    if task.status is TaskStatus.SUCCEEDED and task.element_id:
        attributes["kling.element.id"] = task.element_id
    return attributes


def _type_of(error: BaseException) -> Attributes:
    return {"error.type": type(error).__name__}
