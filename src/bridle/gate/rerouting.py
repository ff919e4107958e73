"""Rerouting: another tool for the same piece of business, where it is known that the first has not done it.

    refund:
      business: refund                       # the same word in both entries
      once: [order_id, amount]
      substitute: {tool: mcp.bank.pay_back, arguments: {order: order_id, sum: amount}}

Rules
  1. It is known where a breaker alone kept the call from beginning, or where its target was out of reach and nothing was sent.
     Where the owner says `refused: true`, also where the target answered that it failed and, looked up, does not know it: a
     refusal may be about the business, and then no other tool is right. What is unknown is never rerouted.
  2. Both calls are one piece of business (gate.attempts), with one key; where they are not, nothing is rerouted. So never are
     both under way, and what one has done the other does not do.
  3. The substitute is an action of its own, decided anew by its own manifest and policy. The fact `instead` says for which call
     it stands in, and why; an approval of it rests on that.
  4. It is chosen once, when the first call ends. A replay finds it by its key: nothing is rerouted later, or otherwise.
  5. One, never a chain. None for a call of a plan: what people approved is that call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import InputError
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Denied, Done, Result
from bridle.gate.attempts import UNNAMED, name_business
from bridle.gate.breakers import OPEN
from bridle.gate.external import fill_key
from bridle.gate.manifest import Manifest, Manifests
from bridle.gate.ports import Ports
from bridle.gate.records import UNREACHED, read_action
from bridle.trust.journal import Kind, Record

SUFFIX = "/instead"
BROKEN, AWAY, ABSENT = "breaker-open", "out-of-reach", "not-known-there"


def primary_key(key: str) -> str:
    """Return the key of the call that somebody made, also for that of its substitute."""
    return key.removesuffix(SUFFIX)


def complain_of_substitute(manifest: Manifest, find: Callable[[str], Manifest | None]) -> str:
    """Return why what an entry names as its substitute can be none, or an empty string."""
    wanted = manifest.substitute
    if wanted is None:
        return ""
    other = find(wanted.tool)
    if other is None:
        return f"there is no {wanted.tool}"
    if other.stopped:
        return f"{wanted.tool} is stopped: {other.stopped}"
    theirs = tuple(wanted.arguments.get(name, "") for name in other.once)
    kinds = (
        [manifest.control.get(name) for name in manifest.once],
        [other.control.get(name) for name in other.once],
    )
    if not other.effect.lasts or other.business != manifest.business or theirs != manifest.once:
        return f"{wanted.tool} is not the same piece of business: give both the same `business` and `once`"
    return "" if kinds[0] == kinds[1] else f"what {wanted.tool} has in `once` is of other types"


def find_substitute(action: Action, manifests: Manifests) -> Request | None:
    """Return the call that does the same by the entry of its tool; None when there is none that could be made."""
    manifest = manifests.get(action.request.tool)
    if manifest is None or manifest.substitute is None or action.instead or action.plan:
        return None
    if complain_of_substitute(manifest, manifests.get):
        return None
    wanted, asked = manifest.substitute, action.request
    other = manifests.get(wanted.tool)
    assert other is not None  # or there had been a complaint
    given = {
        theirs: asked.arguments[ours] for theirs, ours in wanted.arguments.items() if ours in asked.arguments
    }
    key = f"{action.key}{SUFFIX}"
    try:
        filled = fill_key(other, given, key=key)
    except InputError:
        return None
    business = name_business(manifest, asked.arguments)
    if business in ("", UNNAMED) or name_business(other, filled) != business:
        return None
    return Request(key, wanted.tool, filled, asked.principal, asked.purpose)


class Rerouting:
    """Finds the action that is done in place of one that was not."""

    def __init__(self, ports: Ports) -> None:
        self._on = ports

    async def again(self, action: Action, result: Result) -> Action | None:
        """Return what was chosen when this result was new; the journal alone says it."""
        if not _may_be_rerouted(action, result):
            return None
        chosen = await self._on.journal.last(action.execution, f"{action.key}{SUFFIX}", (Kind.DECIDED,))
        if chosen is None:
            return None
        said = await read_action(chosen, self._on.journal, token=action.token)
        return replace(action, request=said.request, instead=_instead_in(chosen))

    async def choose(
        self, action: Action, result: Result, *, is_absent: Callable[[Action], Awaitable[bool]]
    ) -> Action | None:
        """Return what is to be done in place of an action that has just ended so; None where nothing is.

        `is_absent` asks its target whether it does not know the call.
        """
        request = find_substitute(action, self._on.manifests) if _may_be_rerouted(action, result) else None
        if request is None:
            return None
        kind = Kind.DECIDED if isinstance(result, Denied) else Kind.OUTCOME
        ended = await self._on.journal.last(action.execution, action.key, (kind,))
        because = _why(ended) if ended else ""
        if not because and _was_refused(ended, self._on.manifests) and await is_absent(action):
            because = ABSENT
        if ended is None or not because:
            return None
        told = {"tool": action.request.tool, "key": action.key, "record": ended.id, "because": because}
        return replace(action, request=request, instead=told)


def _may_be_rerouted(action: Action, result: Result) -> bool:
    if not action.request.tool.startswith("mcp.") or action.instead or action.plan:
        return False
    if isinstance(result, Denied):
        return result.rule == OPEN
    return isinstance(result, Done) and result.status == "failed"


def _why(ended: Record) -> str:
    """Return why it is known that an action was not done; empty where its record does not say so."""
    if ended.kind is Kind.DECIDED:
        rules = ended.body["rules"]
        listed = [as_mapping(item)["rule"] for item in rules] if isinstance(rules, (list, tuple)) else []
        return BROKEN if listed and set(listed) == {OPEN} else ""
    return AWAY if as_mapping(ended.body["facts"]).get(UNREACHED) is True else ""


def _was_refused(ended: Record | None, manifests: Manifests) -> bool:
    """True when a delegate reports that the target said no, and the tool's owner lets another do it then."""
    if ended is None or ended.body.get("report") is None:
        return False
    manifest = manifests.get(str(ended.body["tool"]))
    return manifest is not None and manifest.substitute is not None and manifest.substitute.refused


def _instead_in(decided: Record) -> Mapping[str, Json] | None:
    told = as_mapping(decided.body["facts"]).get("instead")
    return told if isinstance(told, Mapping) else None
