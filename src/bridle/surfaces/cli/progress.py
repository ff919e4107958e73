"""What is shown while an execution runs: a live tree on a terminal, lines elsewhere, nothing when quiet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridle.core.clock import iso
from bridle.core.states import State
from bridle.engine.views import ActionView, StepView, Summary, elapsed_s
from bridle.surfaces.cli.options import printable, say

if TYPE_CHECKING:
    from rich.tree import Tree as RichTree

MARKS = {
    State.PENDING: ("·", "dim"),
    State.RUNNING: ("▸", "cyan"),
    State.WAITING: ("?", "yellow"),
    State.SUCCEEDED: ("✓", "green"),
    State.FAILED: ("✗", "red"),
    State.DENIED: ("⊘", "red"),
    State.SKIPPED: ("-", "dim"),
    State.UNKNOWN: ("!", "magenta"),
    State.PAUSED: ("‖", "yellow"),
    State.CANCELLED: ("■", "red"),
    State.EXPIRED: ("⌛", "red"),
}
SHOWN_ACTIONS = 8  # the newest of a running step; the rest is in the audit


class View:
    """Shows nothing, so nobody need look before the end."""

    every_s: float | None = None

    def start(self) -> None: ...

    def show(self, summary: Summary) -> None: ...

    def stop(self) -> None: ...


class Lines(View):
    """One line when a step begins or ends, and one for each refusal."""

    every_s = 0.2

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def show(self, summary: Summary) -> None:
        if summary.state is State.PENDING:
            self._say(summary.execution, summary.note, f"{MARKS[State.PENDING][0]} {summary.note}")
        for steps in summary.stages.values():
            for step in steps:
                for action in step.actions:
                    if action.effect == "deny":
                        self._say(
                            action.key, "deny", f"  refused {action.tool} {action.target}  [{action.rule}]"
                        )
                if step.state is not State.PENDING:
                    note = f"  ({' '.join(step.note.split())})" if step.note else ""
                    hint = f"\n    next: {step.next}" if step.next else ""
                    line = f"{MARKS[step.state][0]} {step.title} {step.state}{note}{hint}"
                    self._say(step.path, str(step.state), line)
        if waiting := _tell_wait(summary):
            self._say(summary.execution, waiting, f"  {waiting}")

    def _say(self, subject: str, what: str, line: str) -> None:
        if (subject, what) not in self._said:
            self._said.add((subject, what))
            say(line)


class Tree(View):
    """A tree of stages, steps and decisions, with tokens, cost and time, redrawn in place."""

    every_s = 0.2

    def __init__(self) -> None:
        self._live: Any = None
        self._last: Any = None

    def start(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(stderr=True), refresh_per_second=5, transient=True)
        self._live.start()

    def show(self, summary: Summary) -> None:
        self._last = draw(summary)
        if self._live is not None:
            self._live.update(self._last)

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
            if self._last is not None:
                from rich.console import Console

                Console(stderr=True).print(self._last)
                self._last = None


def draw(summary: Summary) -> RichTree:
    """Return the tree of an execution as it stands."""
    from rich.text import Text
    from rich.tree import Tree as RichTree

    tree = RichTree(Text(printable(headline(summary)), style="bold"))
    for stage, steps in summary.stages.items():
        branch = tree.add(Text(stage))
        for step in steps:
            mark, style = MARKS.get(step.state, ("·", ""))
            note = "".join(f"  {text}" for text in (step.note, step.next and f"next: {step.next}") if text)
            leaf = branch.add(
                Text(
                    f"{mark} {printable(step.title.partition('/')[2] or step.title)} {step.state}{printable(note)}",
                    style=style,
                )
            )
            for action in _worth_showing(step):
                leaf.add(
                    Text(printable(_action_line(action)), style="red" if action.effect == "deny" else "dim")
                )
    return tree


def headline(summary: Summary) -> str:
    """Return one line: what runs, how far, with which model, tokens, cost and time."""
    parts = [f"{summary.pipeline} {summary.execution}", f"{summary.state} {_tell_wait(summary)}".strip()]
    if summary.models:
        parts.append(", ".join(summary.models) + (" (turns from a file)" if summary.played else ""))
        parts.append(f"{summary.cost['tokens']} tokens")
        parts.append(describe_cost(summary))
    parts.append(f"{elapsed_s(summary, until=iso(datetime.now(UTC))):.0f} s")
    return " · ".join(parts)


def _tell_wait(summary: Summary) -> str:
    """Return for what an execution waits, unless that is a person, who is asked elsewhere."""
    asks = summary.interventions or any(one["message"] == summary.note for one in summary.approvals)
    return "" if asks or summary.state is not State.WAITING else " ".join(summary.note.split())


def describe_cost(summary: Summary, cost: Mapping[str, Any] | None = None) -> str:
    """Return the cost of the whole, or of one step, in words that say what was charged."""
    cost = cost or summary.cost
    if cost["unpriced_turns"]:
        turns = cost["unpriced_turns"]
        return f"{turns} turn{'' if turns == 1 else 's'} without a known price"
    if summary.played:
        return f"0 USD charged ({cost['list_usd']} USD at list price)"
    return f"{cost['charged_usd']} USD"


def _worth_showing(step: StepView) -> list[ActionView]:
    tools = [action for action in step.actions if action.tool != "model.call"]
    if step.state is State.RUNNING:
        return tools[-SHOWN_ACTIONS:]
    return [action for action in tools if action.effect == "deny"]


def _action_line(action: ActionView) -> str:
    outcome = f"refused by {action.rule}" if action.effect == "deny" else (action.status or action.effect)
    return f"{action.tool} {action.target} → {outcome}"
