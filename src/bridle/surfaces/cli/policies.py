"""Asks the policy outside the gate: about one facts document, and about every decision that the journal holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bridle.core.errors import InputError, TrustError
from bridle.core.settings import Settings
from bridle.trust.policy import PolicyAnswer, PolicyError

if TYPE_CHECKING:
    from bridle.gate.replay import Past
    from bridle.pipeline.plan import Plan
    from bridle.trust.journal import Journal, Record
    from bridle.trust.policy import PolicyEngine

PARTS = ("deny", "ask", "allow", "warn", "would")


def read_facts(text: str, *, where: str) -> dict[str, Any]:
    """Read a facts document; raise InputError when it is none."""
    try:
        facts = json.loads(text)
    except ValueError as error:
        hint = "bridle policy facts ACTION prints a recorded one"
        raise InputError(f"it is not JSON: {error}", where=where, hint=hint, reason="bad-facts") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("action"), dict):
        hint = "docs/schema/policy-input.json has the shape; bridle policy facts ACTION prints a recorded one"
        raise InputError(
            "it is no facts document: it needs an action", where=where, hint=hint, reason="bad-facts"
        )
    return facts


async def evaluate(settings: Settings, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what is decided on these facts, by which rules, and all that the rules said."""
    from bridle.app import open_policy
    from bridle.gate.decision import decide, weigh
    from bridle.gate.manifest import builtin_manifests, is_external

    engine = open_policy(settings)
    try:
        await engine.start()
        answer = await _ask(engine, facts)
    finally:
        await engine.close()
    tool = str(facts["action"].get("tool", ""))
    decision = (
        weigh(facts, answer) if is_external(tool) else decide(facts, builtin_manifests().get(tool), answer)
    )
    owners = {one.rule: one.owner for one in engine.speakers}
    return {
        "effect": decision.effect,
        "rules": _told(decision.findings),
        "said": {
            part: [{**one, "set": owners.get(one["rule"], "")} for one in _told(getattr(answer, part, ()))]
            for part in PARTS
        },
        "policy": engine.digest,
        "boundaries": f"{tool} is an external tool: what its manifest forbids was not looked at"
        if is_external(tool)
        else "",
    }


async def replay(settings: Settings, *, execution: str) -> dict[str, Any]:
    """Return how many recorded decisions would come out the same, and each that would not."""
    from bridle.app import open_policy
    from bridle.gate.replay import Change, compare, under
    from bridle.surfaces.cli.reading import open_existing_store

    left_out: Counter[str] = Counter()
    changes: list[Change] = []
    same = 0
    engine = open_policy(settings)
    try:
        await engine.start()
        with open_existing_store(settings) as opened:
            async for past in _pasts(opened.journal, execution, left_out):
                facts = under(past.facts, engine.digest)
                change = compare(past, facts, await _ask(engine, facts))
                same += change is None
                changes += [change] if change else []
    finally:
        await engine.close()
    return {
        "policy": engine.digest,
        "decisions": same + len(changes),
        "same": same,
        "left_out": dict(left_out),
        "turns": dict(Counter(f"{change.past.effect} to {change.effect}" for change in changes)),
        "changes": [change.to_json() for change in changes],
    }


async def find_facts(journal: Journal, action: str) -> dict[str, Any]:
    """Return the facts of the last decision about an action, by its key or how it begins; raise InputError for none."""
    found = [
        past
        async for past in _pasts(journal, action.partition("/")[0], Counter())
        if f"{past.key}#".startswith((f"{action}#", f"{action}/", f"{action}."))
    ]
    if not found:
        hint = "bridle logs EXECUTION shows its steps; an action is EXECUTION/STAGE/STEP"
        raise InputError(
            f"no decision about {action[:200]} can be judged again", hint=hint, reason="no-decision"
        )
    return dict(found[-1].facts)


async def _pasts(journal: Journal, execution: str, left_out: Counter[str]) -> Any:
    from bridle.gate.replay import read_past
    from bridle.trust.journal import Kind

    for record in await journal.read(execution=execution, kinds=(Kind.DECIDED,)):
        past: Past | str = read_past(record, await _reveal(journal, record))
        if isinstance(past, str):
            left_out[past] += 1
        else:
            yield past


async def _reveal(journal: Journal, record: Record) -> bytes | None:
    """Return the request before redaction; None when nothing was redacted, or it is no longer there."""
    if "request" not in record.raw:
        return None
    try:
        return await journal.reveal(record, "request")
    except TrustError:  # destroyed by rule; replay says that the redacted one was judged
        return None


async def ask_saving(settings: Settings, plan: Plan) -> list[str]:
    """Return what people will be asked when this pipeline is taken in, by the sets that are bound `on: save`; raise InputError
    for what is denied, and when the policy gives no answer."""
    from bridle.app import open_policy
    from bridle.engine.events import describe_saving
    from bridle.surfaces.cli.checks_parts import known_question
    from bridle.trust.bindings import SAVE, list_events

    engine = open_policy(settings)
    if SAVE not in list_events(engine.bindings):
        return []
    document = plan.to_json()
    about = {"tool": SAVE, "effect": "reversible", "arguments": describe_saving(document, plan.digest())}
    place = {"project": settings.project, "pipeline": plan.id, "organisations": None}
    facts = {
        **known_question(),
        "action": about,
        "principal": {"id": "user:author", "kind": "user", "name": "author", "state": "active"},
        "scope": ["execution:start"],
        "place": place,
        "account": engine.account,
        "deployment": None,
    }
    try:
        await engine.start()
        answer = await _ask(engine, facts)
    finally:
        await engine.close()
    if isinstance(answer, PolicyError):
        raise InputError(f"the policy gave no answer: {answer}", where=plan.id, reason="policy")
    for one in answer.deny:
        raise InputError(f"{one.rule}: {one.reason}", where=plan.id, hint="docs/policies.md", reason="policy")
    return [f"a person will be asked: {one.rule}: {one.reason}" for one in answer.ask]


async def _ask(engine: PolicyEngine, facts: Mapping[str, Any]) -> PolicyAnswer | PolicyError:
    try:
        return await engine.evaluate(dict(facts))
    except PolicyError as error:
        return error


def _told(findings: Any) -> list[dict[str, str]]:
    return [{"rule": one.rule, "reason": one.reason} for one in findings]
