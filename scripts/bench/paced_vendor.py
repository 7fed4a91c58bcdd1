"""A simulated vendor in a separate process.

``python -m scripts.bench.paced_vendor PROVIDER SIZE LATENCY REQUESTS WINDOW``: each answer takes at least LATENCY
seconds, and REQUESTS in WINDOW seconds are allowed. It prints its origin, serves until its input ends, then prints the
seconds of all answers.
"""

import json
import sys
import time

from connectors.simulator.exchange import Answer, Request
from connectors.simulator.faults import RateLimit
from connectors.simulator.serve import build
from connectors.simulator.server import Server


class PacedAnswers:
    """Replaces the vendor's ``answer``. Requests are serial, so ``seconds`` needs no lock."""

    def __init__(self, server: Server, latency: float) -> None:
        self._answer = server.vendor.answer
        self._latency = latency
        self.seconds = 0.0

    def __call__(self, request: Request) -> Answer:
        started = time.monotonic()
        answer = self._answer(request)
        if answer.payload is not None:
            answer.body = json.dumps(answer.payload).encode()
        time.sleep(max(0.0, started + self._latency - time.monotonic()))
        self.seconds += time.monotonic() - started
        return answer


def main(provider: str, size: str, latency: str, requests: str, window: str) -> None:
    server = build(provider, size=int(size))
    server.rate_limit = RateLimit(int(requests), float(window))
    paced = PacedAnswers(server, float(latency))
    server.vendor.answer = paced  # type: ignore[method-assign]
    with server:
        print(server.origin, flush=True)
        sys.stdin.read()
    print(paced.seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
