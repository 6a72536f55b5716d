"""What is told of a call to Graph: one span and a few numbers, whatever it took to get an answer.

Told are the method, the path's template, the status, both request ids, how often it was repeated and whether Graph
slowed us down. Never the URL: filters and next links hold user principal names and ids of people.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from time import perf_counter

from lifecycle import measures, traces
from lifecycle.adapters.graph.answers import Answer, Call


class Watch:
    """One call, its repetitions included. `throttled` says whether Graph answered any of them with 429."""

    __slots__ = ("_attempts", "_call", "_last", "_ours", "throttled")

    def __init__(self, call: Call, ours: str) -> None:
        self._call, self._ours = call, ours
        self._attempts = 0
        self._last: Answer | None = None
        self.throttled = False

    def begins(self) -> None:
        """Note that an attempt begins."""
        self._attempts += 1

    def answered(self, answer: Answer) -> None:
        """Note what Graph answered."""
        self._last = answer
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self.throttled = True
            measures.count(measures.GRAPH_THROTTLED, self._which)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record the call: the block makes it. The status is that of the last answer, 0 without one."""
        began = perf_counter()
        with traces.span(str(self._call), self._which, kind=traces.CALL) as span:
            try:
                yield
            finally:
                if span.is_recording():
                    span.set_attributes(self._told())
                self._measure(perf_counter() - began)

    @property
    def _which(self) -> dict[str, traces.Value]:
        return {"http.request.method": self._call.method, "url.template": self._call.path}

    @property
    def _status(self) -> int:
        return self._last.status if self._last is not None else 0

    def _told(self) -> dict[str, traces.Value]:
        told: dict[str, traces.Value] = {
            "http.response.status_code": self._status,
            "http.request.resend_count": max(0, self._attempts - 1),
            "lifecycle.graph.throttled": self.throttled,
        }
        if self._last is not None and self._last.request_id:
            told["lifecycle.graph.request_id"] = self._last.request_id
        if self._ours:
            told["lifecycle.graph.client_request_id"] = traces.shown(self._ours)
        return told

    def _measure(self, seconds: float) -> None:
        which = self._which
        measures.took(measures.GRAPH_CALLS, seconds, which | {"http.response.status_code": self._status})
        if self._attempts > 1:
            measures.count(measures.GRAPH_RETRIES, which, many=self._attempts - 1)
