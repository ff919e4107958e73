"""A fake provider on the loopback: OpenAI's chat completions and Anthropic's messages, as the real clients speak them.

It has no memory: the turn is counted from the request, so retries, restarts and parallel runs see the same script. A fault
stands in for the answer of a turn. What was asked is kept for the test to look at, headers included.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Turn = Mapping[str, Any]  # {"text", "calls": [(tool, arguments as JSON text)]} or {"fault": name}


@dataclass
class FakeProvider:
    """What the provider says, turn by turn, and what it was asked."""

    turns: Sequence[Turn]
    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def openai(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def anthropic(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serve(turns: Sequence[Turn]) -> Iterator[FakeProvider]:
    """Serve on a free port until the block ends."""
    fake = FakeProvider(turns)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    fake.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


def _handler(fake: FakeProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            fake.asked.append(body)
            fake.headers.append({name.lower(): value for name, value in self.headers.items()})
            turn = fake.turns[sum(1 for message in body["messages"] if message["role"] == "assistant")]
            FAULTS[turn["fault"]](self) if "fault" in turn else self.answer(
                200, FORMATS[self.path](turn, body)
            )

        def answer(self, status: int, content: Any, *, cut: int = 0, **headers: str) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {
                "content-type": "application/json",
                "content-length": str(len(data)),
                **headers,
            }.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data[: len(data) - cut])

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the test's output is for the test."""

    return Handler


def _openai(turn: Turn, body: Mapping[str, Any]) -> dict[str, Any]:
    number = len(body["messages"])
    calls = [
        {"id": f"call_{number}_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(turn.get("calls", ()))
    ]
    message = {"role": "assistant", "content": turn.get("text"), **({"tool_calls": calls} if calls else {})}
    usage = {"prompt_tokens": 120, "completion_tokens": 15, "total_tokens": 135}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}],
        **({} if turn.get("uncounted") else {"usage": usage}),
    }


def _anthropic(turn: Turn, body: Mapping[str, Any]) -> dict[str, Any]:
    number = len(body["messages"])
    thought = turn.get("thought")
    content: list[dict[str, Any]] = (
        [{"type": "thinking", "thinking": thought, "signature": "sig"}] if thought else []
    )
    content += [{"type": "text", "text": turn["text"]}] if turn.get("text") else []
    content += [
        {"type": "tool_use", "id": f"toolu_{number}_{at}", "name": name, "input": json.loads(arguments)}
        for at, (name, arguments) in enumerate(turn.get("calls", ()))
    ]
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "tool_use" if turn.get("calls") else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 120,
            "output_tokens": 15,
            "cache_read_input_tokens": 30,
            "cache_creation_input_tokens": 0,
        },
    }


def _slow(handler: Any) -> None:
    time.sleep(0.6)
    handler.close_connection = True


FORMATS = {"/v1/chat/completions": _openai, "/v1/messages": _anthropic}
FAULTS: Mapping[str, Any] = {
    "401": lambda h: h.answer(401, {"error": {"message": "bad key", "type": "authentication_error"}}),
    "404": lambda h: h.answer(404, {"error": {"message": "no such model", "code": "model_not_found"}}),
    "429": lambda h: h.answer(
        429, {"error": {"message": "slow down", "type": "rate_limit_error"}}, retry_after="7"
    ),
    "500": lambda h: h.answer(500, {"error": {"message": "boom", "type": "api_error"}}),
    "529": lambda h: h.answer(529, {"error": {"message": "overloaded", "type": "overloaded_error"}}),
    "cut": lambda h: h.answer(200, {"id": "x" * 500}, cut=200),
    "nonsense": lambda h: h.answer(200, {"hello": "world"}),
    "slow": _slow,
}
