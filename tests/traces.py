"""Spans of OpenTelemetry's own SDK, kept in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.no_secrets import assert_no_secrets


@dataclass
class Spans:
    """What one test has traced."""

    provider: TracerProvider
    exporter: InMemorySpanExporter

    def ended(self) -> Sequence[ReadableSpan]:
        """All that have ended, in order."""
        return self.exporter.get_finished_spans()

    def one(self, name: str) -> ReadableSpan:
        """The only one of this name."""
        (found,) = [each for each in self.ended() if each.name == name]
        return found


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """Traces, in this process; at the end no span holds a secret."""
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield Spans(provider, exporter)
    provider.shutdown()
    assert_no_secrets(texts={f"span {each.name}": str(each.to_json()) for each in exporter.get_finished_spans()})
