"""The end of a command that carried an execution: how it stands, what a person is asked, and whether the evidence verifies.

Rules
  1. Nobody is asked to approve what they were not shown: an open request that was not put on the terminal is shown in full
     before the commands that answer it.
  2. What another live process holds is left to it: the command says so and is done.
  3. Evidence is verified the way a stranger would, from the file and a public key, and never taken on trust because this
     process has just written it. What does not verify is an error, said after what happened and not instead of it.

The texts are made in `show`; what carries the execution and shows it on the way is `carry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridle.app import ORIGIN
from bridle.core.errors import InputError, TrustError
from bridle.engine.views import Summary
from bridle.gate.approvals import Approval
from bridle.surfaces.cli.carry import Manner, carry, exit_code, interruptible, open_approvals
from bridle.surfaces.cli.files import open_bytes
from bridle.surfaces.cli.options import print_json, put, say
from bridle.surfaces.cli.show import show_approval, show_next, show_summary
from bridle.trust.evidence.bundle import verify_bundle
from bridle.trust.keys import Verifier

if TYPE_CHECKING:
    from bridle.app import App


@dataclass(frozen=True)
class Closing:
    """An execution as a command leaves it. `asked` says that the open requests were put on the terminal already;
    `evidence` and `key` are where the bundle and the public key lie, or would lie."""

    summary: Summary
    waiting: tuple[Approval, ...]
    evidence: Path
    key: Path
    asked: bool = False


async def follow(app: App, execution: str, manner: Manner) -> Closing:
    """Carry an execution that has begun, and gather how it stands."""
    summary = await interruptible(execution, lambda: carry(app, execution, manner))
    return await close(app, summary, manner)


async def carry_unheld(app: App, execution: str, *, quiet: bool) -> Closing | None:
    """Carry an execution on, asking nobody, after a person's word about it; None when another live process holds it."""
    if await app.durable.held_elsewhere(execution):
        return None
    await app.control.carry_on(execution)
    return await follow(app, execution, Manner(quiet=quiet, no_input=True))


async def close(app: App, summary: Summary, manner: Manner) -> Closing:
    """Gather, while the store is open, what is to be said at the end."""
    return Closing(
        summary=summary,
        waiting=tuple(await open_approvals(app, summary.execution)),
        evidence=app.proof.path(summary.execution),
        key=app.settings.config_dir / "control-plane.pub",
        asked=manner.asks,
    )


def conclude(closing: Closing, *, as_json: bool) -> int:
    """Print how an execution stands and return the exit code that says so; raise TrustError for evidence that is none."""
    if as_json:
        print_json(describe(closing))
    else:
        _print(closing)
    return exit_code(closing.summary)


def tell_left(execution: str, *, as_json: bool) -> int:
    """Say that an execution is left to a serving process."""
    if as_json:
        print_json({"execution": execution, "carried": False})
    else:
        put(execution)
        say(f"A serving process carries it.\n  next: bridle logs {execution}")
    return 0


def tell_held(told: Mapping[str, Any], *, as_json: bool, does: str = "carries it on") -> int:
    """Say that a person's word, of which `told` is the document, is recorded, and who acts on it."""
    if as_json:
        print_json({**told, "carried": False})
    else:
        say(f"Recorded; the process that holds the execution {does}.")
    return 0


def tell_at_door(told: Mapping[str, Any], *, as_json: bool) -> int:
    """Say that a person's word about a call at the door is recorded, and what its agent does next."""
    if as_json:
        print_json(told)
    elif told["verdict"] == "approved":
        say(f"Recorded; the call is made when the agent repeats it with bridle_approval {told['approval']}.")
    else:
        say("Recorded; the call is refused from now on.")
    return 0


def describe(closing: Closing) -> dict[str, Any]:
    """Return the closing as one document."""
    waiting = [
        {
            "id": item.id,
            "message": item.message,
            "action": item.action,
            "rests_on": dict(item.rests_on),
            "shown": dict(item.shown),
        }
        for item in closing.waiting
    ]
    return {**closing.summary.to_json(), "waiting": waiting, "verified": verify_evidence(closing)}


def verify_evidence(closing: Closing) -> dict[str, Any] | None:
    """Verify the evidence of what was shipped; None when nothing was. Raise TrustError when it does not verify."""
    if not closing.summary.evidence:
        return None
    try:
        data, key = open_bytes(closing.evidence), open_bytes(closing.key)
    except InputError as error:
        raise TrustError(
            f"the evidence cannot be verified: it {error.what}",
            where=error.where,
            hint=f"bridle resume {closing.summary.execution} writes evidence that is missing; the key is control-plane.pub",
            reason="no-evidence",
        ) from error
    verified = verify_bundle(data, key=Verifier.from_pem(key), origin=ORIGIN)
    return {"file": str(closing.evidence), "key": str(closing.key), "checks": list(verified.checks)}


def _print(closing: Closing) -> None:
    now = datetime.now(UTC)
    put(show_summary(closing.summary, now=now))
    verified = verify_evidence(closing)
    if verified is not None:
        put(f"Evidence {verified['file']}: verified ({', '.join(verified['checks'])})")
        put(f"  bridle evidence verify {verified['file']} --key {verified['key']}")
    for approval in () if closing.asked else closing.waiting:
        say(show_approval(approval))
    if advice := show_next(closing.summary, now=now):
        say(f"\n{advice}")
