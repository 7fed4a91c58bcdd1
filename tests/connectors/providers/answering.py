"""What the made-up accounts of all vendors share: they are a transport that answers with plain values."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from connectors.base import Rim
from connectors.network.exchange import Request, Response

Json = dict[str, Any]
NOW = 1_767_225_600  # 2026-01-01T00:00:00Z


@dataclass(kw_only=True)
class Answering(ABC):
    """``answers``: path below ``root`` -> JSON body, HTML in bytes, (status, either of them), or a function of the
    query (for a POST: of the body) giving any of these; they come before everything else. now: the connector's clock.
    """

    root: ClassVar[str] = ""
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    now: float = NOW

    @abstractmethod
    def standard(self, path: str, query: Mapping[str, str]) -> Any:
        """Return the answer of the account at this path, in the form of ``answers``."""

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        self.requests.append(request)
        self.headers.append(headers)
        path, query = request.path.removeprefix(self.root), dict(request.query)
        answer = self.answers[path] if path in self.answers else self.standard(path, query)
        if callable(answer):
            answer = answer(request.body if request.method == "POST" else query)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(body, bytes):
            return Response(status, {"content-type": "text/html"}, body)
        return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())

    def paths(self) -> list[str]:
        return [request.path.removeprefix(self.root) for request in self.requests]

    def rim(self) -> Rim:
        return Rim(self, now=lambda: self.now, sleep=lambda seconds: None)
