"""An agent's run: ask the model, perform its calls through the gate, ask again, until it ends or must stop.

Rules
  1. A model call and a tool call are Actions alike, performed by the gate, strictly one after the other. Their keys
     come from their place: turn `n`'s model call is n.0, its first tool call n.1. A model call whose failure may pass
     (a rate limit, nobody there) is made again at most twice, each time as an action of its own: n.0/again-1.
  2. Nothing is remembered between runs. After a crash or an approval the loop runs again from its first turn and
     the gate answers what it already knows; the same definition asks the same again.
  3. What the gate denies, the model is told, with the rule; it may do something else. What the gate asks a person
     stops the run at once, before any further call.
  4. Limits of turns, tokens, money and time at work stop the run with a note that names the limit.
  5. Outputs are what the harness saw happen (the last commit), not what the model says it did. Only `text` is its.

The framework is behind `agent.framework`; it is imported when a run begins, because that takes seconds of CPU.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from bridle.agent.definition import AgentDefinition
from bridle.agent.endings import (
    Halt,
    answer_or_halt,
    check_turn,
    may_pass,
    model_failed,
    stopped_at,
    stopped_by,
    tell_failure,
)
from bridle.agent.meter import Meter
from bridle.agent.model import TOOL, build_arguments, build_payload, offered_tools, read_reply
from bridle.agent.outcome import AgentOutcome, Finished
from bridle.agent.seat import Seat
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply
from bridle.core.errors import InputError
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Denied, Done, action_key
from bridle.gate.external import fill_key

UNOFFERED = "unoffered."
"""Put before the name of a tool that this agent was not given. No manifest has such a name, so the gate denies it
whatever the token would allow, and the audit shows what was tried."""

NAME_LIMIT = 200  # a tool's name comes from a model: a record of it stays readable
COMMIT = ("commit", "branch", "changed")
PAUSES_S = (2.0, 10.0)  # a replay of failed attempts pauses again: short enough for that


async def run_agent(definition: AgentDefinition, seat: Seat, *, task_text: str) -> AgentOutcome:
    """Run an agent until it ends or must stop; `task_text` is the first message.

    Errors of the gate itself (a replay that drifted, a store out of reach) are raised.
    """
    return await _Run(definition, seat).run(task_text)


class _Run:
    """What one run knows (how far it is, what it used, what it committed), and nothing that outlives it."""

    def __init__(self, definition: AgentDefinition, seat: Seat) -> None:
        self._definition = definition
        self._seat = seat
        self._tools = offered_tools(definition, seat.manifests)
        self._offered = frozenset(definition.tools)
        self._meter = Meter(definition.limits)
        self._commit: Mapping[str, Json] = {}

    async def run(self, task_text: str) -> AgentOutcome:
        """Run until the model ends, or something else does."""
        from bridle.agent.framework import turn_until_done

        try:
            text = await turn_until_done(self, prompt=self._seat.prompt, task_text=task_text)
        except Halt as halt:
            return halt.outcome
        return Finished(text, {"text": text, **self._commit})

    async def ask(self, messages: Sequence[Json]) -> ModelReply:
        """Perform the model call of the next turn."""
        limit = self._meter.reached()
        if limit:
            raise Halt(stopped_at(limit))
        ceiling = self._definition.limits.max_output_tokens
        payload = build_payload(messages, tools=self._tools, max_output_tokens=ceiling)
        arguments = build_arguments(payload, model=self._seat.model)
        turn = self._meter.turns
        result = await self._call_model(arguments, payload=payload, turn=turn)
        if isinstance(result, Denied):
            raise Halt(stopped_by(result))
        if result.status != "succeeded":
            raise Halt(model_failed(result.value))
        reply = read_reply(result)
        self._meter.count_reply(reply)
        check_turn(reply)
        return reply

    async def act(self, place: str, *, tool: str, arguments: Mapping[str, Json]) -> Json:
        """Perform one call of the model; `place` is its id, `turn.call`. Return what the model is told."""
        if not tool:
            return {"error": "a call without the name of a tool"}
        turn, call = (int(number) for number in place.split("."))
        named = tool if tool in self._offered else f"{UNOFFERED}{tool[:NAME_LIMIT]}"
        key = self._key(turn, call)
        manifest = self._seat.manifests.get(named)
        try:
            filled = fill_key(manifest, arguments, key=key) if manifest else arguments
        except InputError as error:
            return {"error": error.what, "next": error.hint}
        result = await self._perform(named, filled, key=key)
        if isinstance(result, Denied):
            return {"refused": True, "rule": result.rule, "reason": result.reason}
        if result.status != "succeeded":
            return tell_failure(result.value)
        if tool == "git.commit":
            self._note_commit(result)
        return {"done_by": result.by, "result": result.value} if result.by else result.value

    async def _call_model(self, arguments: Mapping[str, Json], *, payload: Json, turn: int) -> Done | Denied:
        """Perform the call, and again when the failure may pass: each attempt is an action with a record of its own."""
        result = await self._perform(TOOL, arguments, key=self._key(turn, 0), payload=payload)
        for number, pause_s in enumerate(PAUSES_S, 1):
            if isinstance(result, Denied) or not may_pass(result):
                break
            await asyncio.sleep(pause_s)
            again = self._key(turn, 0, part=f"again-{number}")
            result = await self._perform(TOOL, arguments, key=again, payload=payload)
        return result

    async def _perform(
        self, tool: str, arguments: Mapping[str, Json], *, key: str, payload: Json = None
    ) -> Done | Denied:
        definition, seat = self._definition, self._seat
        action = Action(
            request=Request(
                key=key,
                tool=tool,
                arguments=arguments,
                principal=f"agent:{definition.name}",
                purpose=definition.purpose,
            ),
            execution=seat.execution,
            step=seat.step,
            boundary=seat.boundary,
            token=seat.token,
            workspace="" if tool == TOOL else seat.workspace,
            payload=payload,
            budget=seat.budget if tool == TOOL else "",
            deployment=seat.deployment,
            case=seat.case,
        )
        started = time.monotonic_ns()
        result = await seat.gate.perform(action)
        if isinstance(result, Done):
            self._meter.count_work(result.facts, measured_ms=(time.monotonic_ns() - started) // 1_000_000)
        return answer_or_halt(result)

    def _key(self, turn: int, call: int, *, part: str = "") -> str:
        return action_key(self._seat.execution, self._seat.step, turn=turn, call=call, part=part)

    def _note_commit(self, done: Done) -> None:
        told = {**done.facts, **(done.value if isinstance(done.value, Mapping) else {})}
        self._commit = {name: told[name] for name in COMMIT if name in told}
