"""What happens after a failure: the rules that a pipeline declares, and the pure choice between them.

Rules
  1. The nearest level wins: step, then the blocks around it from the inside out, then the pipeline. On one level the first rule
     that names the error's class wins; when none does, the next level is asked. When no level answers, the step has failed.
  2. A denial, a refused approval and an unknown outcome are never turned into a success, ignored or tried again: for them
     only `fail`, `abort`, the rollbacks and a person's `abort` remain. An action whose outcome nobody knows belongs to recovery.
  3. `retry` counts attempts of the step, `retry-step-group` those of the nearest group around it; when they are used up, or there
     is nothing that could be tried again, its `then` applies, or else the step has failed.
  4. `proceed-with-default` is for approvals that nobody answered in time, and only where no action hangs on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from pydantic import ConfigDict, with_config

from bridle.core.states import State

Reaction: TypeAlias = Literal[
    "fail",
    "ignore",
    "abort",
    "success",
    "retry",
    "manual-intervention",
    "stage-rollback",
    "pipeline-rollback",
    "retry-step-group",
    "proceed-with-default",
]
INPUT_TIMEOUT = "input-timeout"
_UNFORGIVEN = frozenset({State.DENIED, State.UNKNOWN, State.CANCELLED})
_STILL_ALLOWED = frozenset({"fail", "abort", "stage-rollback", "pipeline-rollback"})


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class FailureAction:
    """What a rule does. `attempts` counts the repetitions, `intervals_s` the waits before them (the last one repeats).

    `then` follows when the attempts, or the time of a manual intervention, are used up; `offers` are the answers a person
    may give, and `approvers` who may give one, by `users`, `groups` and `attributes`; `condition` must hold for a retry;
    `fail_all` stops the siblings of a parallel block or of a matrix.
    """

    reaction: Reaction
    attempts: int = 0
    intervals_s: tuple[int, ...] = ()
    condition: str = ""
    timeout_s: int | None = None
    offers: tuple[str, ...] = ()
    approvers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    then: FailureAction | None = None
    fail_all: bool = False

    def interval_s(self, attempt: int) -> int:
        """Return the seconds to wait after attempt `attempt` (from 1)."""
        if not self.intervals_s:
            return 0
        return self.intervals_s[min(attempt, len(self.intervals_s)) - 1]


FAIL = FailureAction("fail")


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class FailureRule:
    """What happens after a failure of one of `errors`: "all", or kebab-case names."""

    errors: tuple[str, ...]
    action: FailureAction

    def matches(self, error: str) -> bool:
        """True when the rule names this class of error."""
        return "all" in self.errors or error in self.errors


Levels: TypeAlias = tuple[tuple[FailureRule, ...], ...]
"""The rules of a step and of everything around it, the nearest level first."""


def choose_action(
    levels: Levels, *, state: State, error: str, attempt: int | None, group_attempt: int | None = None
) -> FailureAction:
    """Return what happens after attempt `attempt` (from 1) ended in `state` with `error`.

    `group_attempt` is the attempt of the nearest group. None: there is no group, or it is no step, that could be tried again.
    """
    found = next((rule.action for rules in levels for rule in rules if rule.matches(error)), FAIL)
    return restrict(_use_up(found, attempt, group_attempt), state=state, error=error)


def follow(action: FailureAction, *, attempt: int, group_attempt: int | None) -> FailureAction:
    """Return what happens instead: nobody answers a manual intervention in time, or a retry's condition does not hold."""
    return _use_up(action.then or FAIL, attempt, group_attempt)


def _use_up(action: FailureAction, attempt: int | None, group_attempt: int | None) -> FailureAction:
    made = {"retry": attempt, "retry-step-group": group_attempt}
    while action.reaction in made and ((tried := made[action.reaction]) is None or tried > action.attempts):
        action = action.then or FAIL
    return action


def restrict(action: FailureAction, *, state: State, error: str) -> FailureAction:
    """Return the action, or `fail` where it would forgive what is not forgiven (rule 2)."""
    if action.reaction == "proceed-with-default":
        return action if error == INPUT_TIMEOUT else FAIL
    if action.reaction == "manual-intervention" and state in _UNFORGIVEN:
        offers = tuple(offer for offer in action.offers if offer in _STILL_ALLOWED)
        then = restrict(action.then or FAIL, state=state, error=error)
        return replace(action, offers=offers or ("abort",), then=then)
    if state in _UNFORGIVEN and action.reaction not in _STILL_ALLOWED:
        return FAIL
    return action
