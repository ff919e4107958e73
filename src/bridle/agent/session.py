"""One run of one agent: what its turns and calls become as actions, and what their results mean for the run.

It holds what a run knows (how far it is, what it used, what it committed) and nothing that outlives it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridle.agent.definition import AgentDefinition
from bridle.agent.framework import turn_until_done
from bridle.agent.loop import (
    AgentOutcome,
    Finished,
    OnTurn,
    Performs,
    Stopped,
    Suspended,
    TurnTaken,
    Undecided,
)
from bridle.agent.meter import Meter
from bridle.agent.model import TOOL, build_arguments, build_payload, offered_tools, read_reply
from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply
from bridle.core.states import State
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Asked, Denied, Done, Result, Unknown, action_key

UNOFFERED = "unoffered."
"""Put before the name of a tool that this agent was not given. No manifest has such a name, so the gate denies it
whatever the token would allow, and the audit shows what was tried."""

NAME_LIMIT = 200  # a tool's name comes from a model: a record of it stays readable
COMMIT = ("commit", "branch", "changed")


class Halt(Exception):
    """Carries an outcome out of the framework's loop."""

    def __init__(self, outcome: AgentOutcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


@dataclass(frozen=True)
class Seat:
    """Where a run takes place and through whom."""

    gate: Performs
    execution: str
    step: str
    token: str = field(repr=False)
    workspace: str
    model: str
    budget: str
    prompt: str
    boundary: Boundary
    on_turn: OnTurn | None


class Session:
    """One run of one agent."""

    def __init__(self, definition: AgentDefinition, seat: Seat) -> None:
        self._definition = definition
        self._seat = seat
        self._tools = offered_tools(definition)
        self._offered = frozenset(definition.tools)
        self._meter = Meter(definition.limits)
        self._commit: Mapping[str, Json] = {}

    async def run(self, task_text: str) -> AgentOutcome:
        """Run until the model ends, or something else does."""
        try:
            text = await turn_until_done(self, prompt=self._seat.prompt, task_text=task_text)
        except Halt as halt:
            return halt.outcome
        return Finished(text, {"text": text, **self._commit})

    async def ask(self, messages: Sequence[Json]) -> ModelReply:
        """Perform the model call of the next turn."""
        limit = self._meter.reached()
        if limit:
            raise Halt(_stopped_at(limit))
        ceiling = self._definition.limits.max_output_tokens
        payload = build_payload(messages, tools=self._tools, max_output_tokens=ceiling)
        arguments = build_arguments(payload, model=self._seat.model)
        turn = self._meter.turns
        result = await self._perform(TOOL, arguments, key=self._key(turn, 0), payload=payload)
        if isinstance(result, Denied):
            raise Halt(_no_turn(result))
        if result.status != "succeeded":
            raise Halt(_model_failed(result.value))
        reply = read_reply(result)
        self._meter.count_reply(reply)
        self._tell(turn, reply)
        _check_turn(reply)
        return reply

    async def act(self, place: str, *, tool: str, arguments: Mapping[str, Json]) -> Json:
        """Perform one call of the model; `place` is its id, `turn.call`. Return what the model is told."""
        if not tool:
            return {"error": "a call without the name of a tool"}
        turn, call = (int(number) for number in place.split("."))
        named = tool if tool in self._offered else f"{UNOFFERED}{tool[:NAME_LIMIT]}"
        result = await self._perform(named, arguments, key=self._key(turn, call))
        if isinstance(result, Denied):
            return {"refused": True, "rule": result.rule, "reason": result.reason}
        if result.status != "succeeded":
            return _error(result.value)
        if tool == "git.commit":
            self._note_commit(result)
        return result.value

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
        )
        started = time.monotonic_ns()
        result = await seat.gate.perform(action)
        if isinstance(result, Done):
            self._meter.count_work(result.facts, measured_ms=(time.monotonic_ns() - started) // 1_000_000)
        return _answer_or_halt(result)

    def _key(self, turn: int, call: int) -> str:
        return action_key(self._seat.execution, self._seat.step, turn=turn, call=call)

    def _tell(self, turn: int, reply: ModelReply) -> None:
        if self._seat.on_turn is not None:
            self._seat.on_turn(TurnTaken(turn, reply, self._meter.tokens, self._meter.cost_usd))

    def _note_commit(self, done: Done) -> None:
        told = {**done.facts, **(done.value if isinstance(done.value, Mapping) else {})}
        self._commit = {name: told[name] for name in COMMIT if name in told}


def _answer_or_halt(result: Result) -> Done | Denied:
    if isinstance(result, Asked):
        raise Halt(Suspended(result))
    if isinstance(result, Unknown):
        raise Halt(Undecided(result))
    return result


def _stopped_at(limit: str) -> Stopped:
    return Stopped(
        "budget", f"stopped at budget: {limit}", "raise the limit in the agent's definition, or give it less"
    )


def _no_turn(denied: Denied) -> Stopped:
    family, _, limit = denied.rule.partition(".")
    if family == "budget":
        return Stopped("budget", f"stopped at budget: {limit}", denied.reason)
    return Stopped("denied", f"denied by {denied.rule}", denied.reason, State.DENIED)


def _model_failed(value: Json) -> Stopped:
    told = value if isinstance(value, Mapping) else {"error": str(value)}
    detail = "\nnext: ".join(str(told[name]) for name in ("error", "next") if told.get(name))
    return Stopped(str(told.get("reason") or "model-failed"), "the model call failed", detail)


def _check_turn(reply: ModelReply) -> None:
    """Stop at a turn that says nothing or was cut off: neither is an end that the agent chose."""
    if reply.calls:
        return
    if reply.finish == "length":
        raise Halt(_stopped_at("output tokens"))
    if not reply.text.strip():
        raise Halt(
            Stopped(
                "empty-turn",
                f"the model said nothing ({reply.finish})",
                "run it again, or take another model",
            )
        )


def _error(value: Json) -> Json:
    """Say that a call failed without hiding what it found: a red suite is a result as well."""
    if not isinstance(value, Mapping):
        return {"error": value}
    return value if "error" in value else {"failed": True, **value}
