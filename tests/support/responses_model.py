"""A model that says what a test wrote, behind the wire format of the Responses interface; the request tells which turn it is."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridle.surfaces.http import QuietServer

Turn = Callable[[list[Any]], dict[str, Any]]
"""From the results of the calls so far to what the model says: {"text"} or {"tool", "arguments"}."""


class FakeResponsesModel:
    """Plays turns; `requests` are the bodies that it was sent."""

    def __init__(self, turns: list[Turn], *, namespace: str) -> None:
        self._turns = turns
        self._namespace = namespace
        self.requests: list[Any] = []

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve on loopback; yields the base address."""
        app = Starlette(
            routes=[
                Route("/v1/responses", self._respond, methods=["POST"]),
                Route("/v1/models", self._list, methods=["GET"]),
            ]
        )
        config = uvicorn.Config(app, port=0, log_level="error", lifespan="off")
        server = QuietServer(config)
        task = asyncio.create_task(server.serve())
        try:
            await server.listens.wait()
            port = server.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.should_exit = True
            await task

    async def _list(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": []})

    async def _respond(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        outputs = [item for item in body["input"] if str(item.get("type", "")).endswith("_output")]
        said = self._turns[len(outputs)]([_read(item["output"]) for item in outputs])
        return Response(self._stream(len(outputs), said), media_type="text/event-stream")

    def _stream(self, turn: int, said: dict[str, Any]) -> str:
        if "tool" in said:
            item: dict[str, Any] = {
                "type": "function_call",
                "id": f"fc_{turn}",
                "call_id": f"call_{turn}",
                "name": said["tool"],
                "namespace": self._namespace,
                "arguments": json.dumps(said["arguments"]),
                "status": "completed",
            }
        else:
            content = [{"type": "output_text", "text": said["text"], "annotations": []}]
            item = {
                "type": "message",
                "id": f"msg_{turn}",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        usage = {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 15,
        }
        response = {"id": f"resp_{turn}", "object": "response", "status": "in_progress", "output": []}
        events = [
            {"type": "response.created", "response": response},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {
                "type": "response.completed",
                "response": {**response, "status": "completed", "output": [item], "usage": usage},
            },
        ]
        return "".join(
            f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"
            for number, event in enumerate(events)
        )


def _read(output: Any) -> str:
    """Return a call's result as the text that the model is given."""
    return output if isinstance(output, str) else json.dumps(output)
