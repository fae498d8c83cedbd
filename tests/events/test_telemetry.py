"""Spans and metrics as a tracing back end gets them, of elements made with a sandbox."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from kling_elements_async import ElementFailedError, ElementSpec, ElementsSession, Images
from kling_elements_async.sandbox import Fault, Sandbox
from kling_elements_async.telemetry import Telemetry

SPEC = ElementSpec("prop", "A prop", Images("https://example.com/a.png", ["https://example.com/b.png"]))


class Backend:
    """What was exported."""

    def __init__(self):
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meters = MeterProvider([self._metrics])

    def spans(self, name):
        return [span for span in self._spans.get_finished_spans() if span.name == name]

    def points(self, name):
        data = self._metrics.get_metrics_data()
        found = [each for part in data.resource_metrics for scope in part.scope_metrics for each in scope.metrics]
        return [point for each in found if each.name == name for point in each.data.data_points]

    def everything(self):
        data = self._metrics.get_metrics_data()
        return "".join(span.to_json() for span in self._spans.get_finished_spans()) + data.to_json()


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
async def sandbox(clock):
    async with Sandbox(durations=(5, 10), clock=clock.now) as sandbox:
        yield sandbox


@pytest.fixture
async def session(sandbox, backend, clock):
    gateway = sandbox.gateway("kling")
    telemetry = Telemetry(gateway, tracer_provider=backend.tracers, meter_provider=backend.meters)
    async with ElementsSession(gateway, on_event=telemetry, clock=clock) as session:
        clock.watch(session)
        yield session


async def test_from_the_create_to_the_callback(session, sandbox, backend):
    """Create and wait are children of the caller's span; requests are theirs; the wait links to the create."""
    with backend.tracers.get_tracer("app").start_as_current_span("page") as page:
        element = await session.create_and_wait(SPEC)
        assert trace.get_current_span() is page
    (create,), (wait,) = backend.spans("create element"), backend.spans("wait for element")
    assert create.parent.span_id == wait.parent.span_id == page.get_span_context().span_id
    assert create.attributes["kling.gateway"] == "kling"
    assert wait.attributes["kling.element.id"] == element.element_id
    assert wait.attributes["kling.task.id"] == create.attributes["kling.task.id"]
    assert [link.context.span_id for link in wait.links] == [create.context.span_id]
    (post,) = backend.spans("POST")
    assert post.parent.span_id == create.context.span_id
    assert {span.parent.span_id for span in backend.spans("GET")} == {wait.context.span_id}
    task_id = create.attributes["kling.task.id"]
    await session.deliver_callback({}, b'{"task_id": "%s", "task_status": "succeed"}' % task_id.encode())
    (callback,) = backend.spans("element callback")
    assert [link.context.span_id for link in callback.links] == [create.context.span_id]


async def test_a_request_by_the_conventions(session, sandbox, backend, clock):
    """A client span with method, server, status and kind of error, and the convention's histogram."""

    def slowly(answer):
        clock.advance(0.25)
        return answer

    sandbox.script("list", Fault.code(1302), Fault.rewrite(slowly))
    await session.list_elements()
    failed, good = backend.spans("GET")
    assert (failed.kind, failed.status.status_code) == (SpanKind.CLIENT, StatusCode.ERROR)
    assert failed.attributes["error.type"] == "RateLimitedError"
    assert failed.attributes["http.response.status_code"] == 429
    assert good.attributes["http.request.method"] == "GET"
    assert good.attributes["server.address"] == "127.0.0.1"
    assert good.attributes["server.port"] == int(sandbox.url("kling").split(":")[2].partition("/")[0])
    points = backend.points("http.client.request.duration")
    took = {point.attributes["http.response.status_code"]: point.sum for point in points}
    assert took == {429: 0, 200: pytest.approx(0.25)}


async def test_the_metrics(session, sandbox, backend):
    """Polls, retries, lateness, adoptions, the time behind the gate, and the tasks that run."""
    sandbox.script("create", Fault.lost_answer())
    sandbox.script("get", Fault.delay(0), Fault.code(1302))
    await asyncio.gather(*(session.create_and_wait(SPEC) for _ in range(2)))
    (polls,), (lateness,) = backend.points("kling.elements.polls"), backend.points("kling.elements.lateness")
    assert polls.value >= 2
    assert (lateness.count, lateness.attributes["kling.gateway"]) == (2, "kling")
    assert 0 <= lateness.sum < 5
    assert [point.value for point in backend.points("kling.elements.adopted")] == [1]
    assert [point.value for point in backend.points("kling.elements.gate.closed")] == [pytest.approx(1)]
    assert backend.points("kling.elements.running")[0].value in (1, 2)


async def test_failures(session, sandbox, backend):
    """They are marked on their span by their kind and their text, and no key is anywhere."""
    sandbox.script("create", Fault.task_fails("No face"))
    with pytest.raises(ElementFailedError):
        await session.create_and_wait(SPEC)
    (wait,) = backend.spans("wait for element")
    assert wait.attributes["error.type"] == "ElementFailedError"
    assert "No face" in wait.status.description
    waiting = asyncio.create_task(session.create_and_wait(SPEC))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert backend.spans("create element")[-1].attributes["error.type"] == "CancelledError"
    assert sandbox.key not in backend.everything()


async def test_the_links_are_bounded(session, backend, monkeypatch):
    """Ten thousand creates leave no ten thousand notes behind."""
    monkeypatch.setattr("kling_elements_async.telemetry._LINKS_KEPT", 2)
    for _ in range(4):
        await session.create_element(SPEC)
    assert len(session._exchange._events._on_event._creates) == 2


async def test_one_for_two_sessions(sandbox, backend, caplog, clock):
    """Creates of both at once keep their own spans."""
    gateway = sandbox.gateway("kling")
    telemetry = Telemetry(gateway, tracer_provider=backend.tracers, meter_provider=backend.meters)
    async with (
        ElementsSession(gateway, on_event=telemetry, clock=clock) as one,
        ElementsSession(gateway, on_event=telemetry, clock=clock) as other,
    ):
        clock.watch(one)
        clock.watch(other)
        await asyncio.gather(one.create_and_wait(SPEC), other.create_and_wait(SPEC))
    assert len({span.attributes["kling.task.id"] for span in backend.spans("create element")}) == 2
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
