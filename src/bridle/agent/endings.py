"""How a run ends before its time, and what a model is told when a call of it failed."""

from __future__ import annotations

from collections.abc import Mapping

from bridle.agent.outcome import AgentOutcome, Stopped, Suspended, Undecided
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply
from bridle.core.states import State
from bridle.gate.action import Asked, Denied, Done, Result, Unknown

MAY_PASS = frozenset({"model-rate-limit", "model-unavailable", "model-unreachable", "model-timeout"})
RAISE = "raise the limit in the agent's definition, or give it less"
UNPRICED = "BRIDLE_MODEL_PRICE=0.25/1.25 names it, in dollars per million tokens in and out; in a file of turns, priced_as: MODEL"


class Halt(Exception):
    """Carries an outcome out of the framework's loop."""

    def __init__(self, outcome: AgentOutcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


def answer_or_halt(result: Result) -> Done | Denied:
    """Return an answer that the run goes on with; halt it for the others."""
    if isinstance(result, Asked):
        raise Halt(Suspended(result))
    if isinstance(result, Unknown):
        raise Halt(Undecided(result))
    return result


def stopped_at(limit: str, *, why: str = "") -> Stopped:
    """Return the end of a run that reached a limit."""
    hint = UNPRICED if limit == "unpriced" else RAISE
    return Stopped("budget", f"stopped at budget: {limit}", why, hint=hint)


def may_pass(result: Done) -> bool:
    """True for a failed model call that may work a moment later."""
    told = result.value if isinstance(result.value, Mapping) else {}
    return result.status == "failed" and told.get("reason") in MAY_PASS


def stopped_by(denied: Denied) -> Stopped:
    """Return the end of a run whose model call was denied."""
    family, _, limit = denied.rule.partition(".")
    if family == "budget":
        return stopped_at(limit, why=denied.reason)
    return Stopped("denied", f"denied by {denied.rule}", denied.reason, State.DENIED)


def model_failed(value: Json) -> Stopped:
    """Return the end of a run whose model call failed, with the reason and the next step it came with."""
    told = value if isinstance(value, Mapping) else {"error": str(value)}
    detail, hint = str(told.get("error") or ""), str(told.get("next") or "")
    return Stopped(str(told.get("reason") or "model-failed"), "the model call failed", detail, hint=hint)


def check_turn(reply: ModelReply) -> None:
    """Stop at a turn that says nothing or was cut off: neither is an end that the agent chose."""
    if reply.calls:
        return
    if reply.finish == "length":
        raise Halt(stopped_at("output tokens"))
    if not reply.text.strip():
        raise Halt(
            Stopped(
                "empty-turn",
                f"the model said nothing ({reply.finish})",
                hint="run it again, or take another model",
            )
        )


def tell_failure(value: Json) -> Json:
    """Say that a call failed without hiding what it found: a red suite is a result as well."""
    if not isinstance(value, Mapping):
        return {"error": value}
    return value if "error" in value else {"failed": True, **value}
