"""Carries an execution to its end, or to where it waits for a person, and shows it on the way.

On a terminal there is a live tree and the approval is asked there. Elsewhere there is a line for each step and each refusal,
and the execution waits, unless the caller said who approves. Interrupting leaves everything resumable.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bridle.core.errors import BridleError
from bridle.core.states import State
from bridle.engine.control import Verdict, find_open
from bridle.engine.execution import Execution
from bridle.engine.summary import summarise
from bridle.engine.views import Summary
from bridle.gate.approvals import Approval, ApprovalState
from bridle.surfaces.cli.asking import ask
from bridle.surfaces.cli.options import is_terminal, say
from bridle.surfaces.cli.progress import Lines, Tree, View
from bridle.surfaces.cli.show import show_approval
from bridle.trust.journal import Record

if TYPE_CHECKING:
    from bridle.app import App

EXIT_CODES = {State.SUCCEEDED: 0, State.WAITING: 6, State.DENIED: 3}


@dataclass(frozen=True)
class Manner:
    """How to carry: quietly or not, whether a person may be asked, and who approves without being asked."""

    quiet: bool = False
    no_input: bool = False
    approve_as: str = ""

    @property
    def asks(self) -> bool:
        return is_terminal(no_input=self.no_input) and not self.approve_as


def choose_manner(*, quiet: bool, no_input: bool, approve_as: str, as_json: bool) -> Manner:
    """Return the manner that a command's options ask for: one document for a program is quiet, and asks nobody."""
    return Manner(quiet=quiet or as_json, no_input=no_input or as_json, approve_as=approve_as)


async def carry(app: App, execution: str, manner: Manner) -> Summary:
    """Follow the execution until it has ended or waits for a person who is not here."""
    view = _view(manner)
    left: set[str] = set()
    try:
        while True:
            stopped = await _follow(app, execution, view)
            waiting = [item for item in await open_approvals(app, execution) if item.id not in left]
            if not waiting:
                return await _summary_of(app, stopped)
            for approval in waiting:
                if not await _answer(app, approval, manner, view):
                    left.add(approval.id)
    finally:
        view.stop()


async def _summary_of(app: App, execution: Execution) -> Summary:
    return summarise(execution, await app.journal.read(execution=execution.id))


async def open_approvals(app: App, execution: str = "") -> list[Approval]:
    """Return the requests that still wait for a verdict."""
    return await find_open(app.approvals, now=datetime.now(UTC), execution=execution)


def exit_code(summary: Summary) -> int:
    """Return the exit code that says how the execution stands."""
    return EXIT_CODES.get(summary.state, 4)


async def interruptible(execution: str, work: Callable[[], Awaitable[Summary]]) -> Summary:
    """Run `work`; when it is interrupted, say how to go on."""
    try:
        return await work()
    except (asyncio.CancelledError, KeyboardInterrupt):
        say(f"\ninterrupted; nothing is lost\n  next: bridle resume {execution}")
        raise
    except BridleError:
        say(f"bridle: {execution} has not ended\n  next: bridle resume {execution}")
        raise


def _view(manner: Manner) -> View:
    if manner.quiet:
        return View()
    return Tree() if sys.stderr.isatty() else Lines()


async def _follow(app: App, execution: str, view: View) -> Execution:
    """Show an execution until it has ended or waits for a person; return it as it was then."""
    following = asyncio.create_task(app.control.follow(execution))
    records: list[Record] = []
    view.start()
    try:
        while not following.done():
            await asyncio.wait({following}, timeout=view.every_s)
            seen = await app.control.get(execution)
            records += await app.journal.read(execution=execution, after=records[-1].seq if records else -1)
            view.show(summarise(seen, records))
        return await following
    finally:
        following.cancel()
        view.stop()


async def _answer(app: App, approval: Approval, manner: Manner, view: View) -> bool:
    """Give a verdict if this surface may; return whether that answered the request.

    What takes more than a yes (a key, an input) is left waiting for `bridle approve`.
    """
    if manner.approve_as:
        verdict = Verdict(True, app.user, name=manner.approve_as)
        return (await app.control.give_verdict(approval.id, verdict)).state is not ApprovalState.OPEN
    if not manner.asks:
        return False
    say(show_approval(approval))
    if approval.terms.wants_keys or approval.terms.inputs:
        return False
    settled = partial(_settled_elsewhere, app, approval)
    word = await ask("approve? [y]es, [n]o, anything else to leave it waiting: ", settled)
    if word is not None and word not in ("y", "yes", "n", "no"):
        return False
    if not await settled():
        try:
            await app.control.give_verdict(approval.id, Verdict(str(word)[0] == "y", app.user))
        except BridleError:
            if not await settled():
                raise
        else:
            return True
    say(await _tell_settled(app, approval))
    return True


async def _settled_elsewhere(app: App, approval: Approval) -> bool:
    """True when nobody waits for a person's word any more: another gave it, or the execution ended."""
    execution = await app.control.get(approval.execution)
    return execution.state.ended or approval.id not in {
        item.id for item in await open_approvals(app, execution.id)
    }


async def _tell_settled(app: App, approval: Approval) -> str:
    now = await app.approvals.get(approval.id) or approval
    if now.by:
        word = "denied" if now.state is ApprovalState.DENIED else "approved"
        return f"{now.by} {word} {now.id} meanwhile."
    return f"{now.id} waits no more: it is {now.state_at(datetime.now(UTC))}, and nobody answered it."
