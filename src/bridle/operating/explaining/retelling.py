"""Tells an explanation in plain sentences, for a person who was not there. Pure: what `explain` found, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 200  # of a value in a sentence; --json has the whole
DONE = {
    "succeeded": "It was carried out.",
    "failed": "It was tried and failed.",
    "unknown": "Nobody can tell whether it was carried out.",
}


def retell(explanation: Mapping[str, Any]) -> list[str]:
    """Return the sentences, one to a line."""
    parts = (
        _action,
        _actor,
        _authority,
        _chain,
        _decisions,
        _facts,
        _approvals,
        _outcome,
        _rerouted,
        _removed,
        _verified,
    )
    return [line for part in parts for line in part(explanation)]


def _action(told: Mapping[str, Any]) -> Iterator[str]:
    action, actor = told["action"], told["actor"]["id"]
    arguments = _short(action["arguments"])
    yield f"On {_when(action['at'])} {actor} wanted {action['tool']} with {arguments}, for the purpose {action['purpose']}."
    yield f"  action {action['key']}, {action['digest']}"
    if action["redacted"]:
        yield "  The arguments are shown as they were redacted; the journal holds a salted digest of the raw ones."


def _actor(told: Mapping[str, Any]) -> Iterator[str]:
    actor = told["actor"]
    then = actor["then"]
    if not then:
        yield f"Nobody knew {actor['id']} then."
        return
    version = f", version {then['version']} ({then['digest']})" if then.get("digest") else ""
    yield f"{actor['id']} was {then['state']}{version}; its owner is {then['owner']}."
    if then.get("kind") == "agent":
        yield _approved(actor["approved"])
    yield from _since(actor)
    made = told["made_by"]
    if made is not None and made["id"] != actor["id"]:
        yield f"What it ships was made by {made['id']}, version {made['then']['version']} ({made['then']['digest']})."
        yield _approved(made["approved"])
        yield from _since(made)


def _since(actor: Mapping[str, Any]) -> Iterator[str]:
    for change in actor["since"]:
        by = f" by {change['by']}" if change["by"] else ""
        yield f"  Since then, on {_when(change['at'])}: {change['change']}{by}; it is {change['state']}."


def _approved(change: Mapping[str, Any] | None) -> str:
    if change is None:
        return "  Nobody had approved that version: it acted on its first use, for whoever started it."
    return f"  That version was approved by {change['by']} on {_when(change['at'])}."


def _authority(told: Mapping[str, Any]) -> Iterator[str]:
    authority = told["authority"]
    initiator = authority["initiator"]
    if initiator:
        vouched = ", for whom only the operating system vouches" if initiator.get("asserted") else ""
        yield f"It acted on the authority of {initiator['id']}{vouched}."
        for grant in initiator.get("roles") or ():
            yield f"  {initiator['id']} was {grant['role']} there then, through {grant['through']} ({grant['where']})."
    else:
        yield "Nobody's authority was found behind it."
    scope = ", ".join(authority["scope"] or ()) or "nothing"
    token = authority["token"]
    held = (
        f" by token {token['id']}, made on {_when(token['at'])}, good until {_when(token['expires_at'])}"
        if token
        else ""
    )
    yield f"  It held {scope}{held}."
    if token and token.get("actors"):
        yield f"  That token was exchanged; before acted {', '.join(token['actors'])}."
    if authority["override"]:
        override = authority["override"]
        yield f"  An emergency override stood: {override['id']} by {override['by']}: {override['reason']}"
    if told["case"]:
        case = told["case"]
        yield f"  It was about case {case['id']}, a {case['type']} in state {case['state']} then (revision {case['revision']})."
    if told["task"]:
        yield f"  The session was for {_short(told['task'])}."


def _chain(told: Mapping[str, Any]) -> Iterator[str]:
    for link in told["chain"]:
        if "session" in link:
            yield (
                f"It was a call in session {link['session']} of {link['agent']}, opened by {link['initiator']} "
                f"on {_when(link['at'])} for {link['purpose']}{_in_case(link)}."
            )
        elif "execution" in link:
            yield from _execution(link)
        if link.get("cost_usd", "0") != "0":
            yield f"  It has cost {_told_cost(link['cost_usd'], charged=link['charged_usd'])} so far."


def _told_cost(listed: str, *, charged: str) -> str:
    return f"{listed} USD" if charged == listed else f"{charged} USD charged ({listed} USD at list price)"


def _in_case(link: Mapping[str, Any]) -> str:
    return f", case {link['case']}" if link.get("case") else ""


def _execution(link: Mapping[str, Any]) -> Iterator[str]:
    trigger = f", by trigger {_short(link['trigger'])}" if link["trigger"] else ""
    parent = f", as {link['path']} of {link['parent']}" if link["parent"] else ""
    again = f", to run {link['rerun_of']} again" if link["rerun_of"] else ""
    yield (
        f"It was part of execution {link['execution']} of pipeline {link['pipeline']} ({link['plan']}), started by "
        f"{link['initiator']} on {_when(link['at'])}{trigger}{parent}{again}."
    )
    for name, digest in (link["templates"] or {}).items():
        yield f"  Template {name} ({digest})."


def _decisions(told: Mapping[str, Any]) -> Iterator[str]:
    verbs = {"allow": "allowed", "ask": "put to people", "deny": "denied"}
    for decision in told["decisions"]:
        yield f"On {_when(decision['at'])} it was {verbs[decision['effect']]}:"
        for rule in decision["rules"]:
            yield f"  {rule['rule']}: {rule['reason']}"
        for rule in decision["warnings"]:
            yield f"  a warning, {rule['rule']}: {rule['reason']}"
    policy = told["policy"]
    if not policy["asked"]:
        yield f"The policy was not asked: a boundary had spoken. In force was {policy['digest'] or 'none that is recorded'}."
        return
    text = (
        f", whose text is journal record {policy['text']['record']}"
        if policy["text"]
        else ", whose text was not kept"
    )
    yield f"The policy was {policy['digest']}{text}."


def _facts(told: Mapping[str, Any]) -> Iterator[str]:
    yield "It was decided on these facts (--json has them in full):"
    shown = {
        "principal",
        "initiator",
        "scope",
        "approval",
        "action",
        "boundary",
        "origins",
        "task",
        "case",
        "override",
    }
    for name, fact in sorted(told["facts"].items()):
        if name not in shown and fact not in (None, {}, [], ""):
            yield f"  {name}: {_short(fact)}"
    for origin in told["origins"] or ():
        note = f", {origin['note']}" if origin.get("note") else ""
        yield f"  argument {origin['argument']} = {_short(origin['value'])} came from {origin['kind']} {origin['where']}{note}"


def _approvals(told: Mapping[str, Any]) -> Iterator[str]:
    for asked in told["approvals"]:
        least = (asked["terms"] or {}).get("minimum", 1)
        yield f"People were asked on {_when(asked['at'])} ({asked['id']}): {asked['message']!r}; it took {least}."
        for word in asked["words"]:
            own = f", signed with key {word['own_key'][:16]} of their own" if word["own_key"] else ""
            name = (
                f", as {word['name']!r}"
                if word["name"] and not word["voter"].endswith(f":{word['name']}")
                else ""
            )
            kind = "asserted" if name else "vouched for by the operating system"
            vouched = f" ({kind})" if word["asserted"] else ""
            vouched += f", in the place of {word['behalf']}," if word["behalf"] else ""
            comment = f": {word['comment']}" if word["comment"] else ""
            yield f"  {word['voter']}{name}{vouched} {word['verdict']} it on {_when(word['at'])}{own}{comment}."
        if not asked["words"]:
            yield "  Nobody answered."
        elif not asked["used"]:
            yield "  This answer was not what it was carried out on."


def _outcome(told: Mapping[str, Any]) -> Iterator[str]:
    outcome = told["outcome"]
    if outcome is None:
        yield (
            "It was begun, and nothing is recorded of its end."
            if told["intent"]
            else "Nothing was carried out."
        )
        return
    yield f"{DONE.get(outcome['status'], outcome['status'])} {_reported(outcome)}"
    yield f"  result {_short(outcome['value'])}"
    if outcome["cost_usd"]:
        charged = outcome["cost_usd"] if outcome["charged"] else "0"
        yield f"  It cost {_told_cost(outcome['cost_usd'], charged=charged)}."


NOT_DONE = {
    "breaker-open": "a circuit breaker kept it from beginning",
    "out-of-reach": "its target was out of reach, and nothing was sent",
    "not-known-there": "its target answered that it failed, and says that it does not know it",
}


def _rerouted(told: Mapping[str, Any]) -> Iterator[str]:
    first, other = told["instead"], told["substitute"]
    if first:
        why = NOT_DONE[first["because"]]
        yield f"It stood in for {first['tool']} ({first['key']}), which was not done: {why} (record {first['record']})."
    if other:
        ended = f"; it {other['status']}" if other["status"] else ""
        verbs = {"allow": "allowed", "ask": "put to people", "deny": "denied"}
        yield f"It was not done: {NOT_DONE[other['because']]}. {other['tool']} was to stand in for it ({other['key']})."
        yield f"  That was {verbs[other['effect']]}{ended}."


def _reported(outcome: Mapping[str, Any]) -> str:
    if not outcome["reported"]:
        return f"The control plane recorded that itself on {_when(outcome['at'])}."
    return (
        f"{outcome['delegate']} reported it, signed with key {outcome['keyid']}, on {_when(outcome['at'])}."
    )


def _removed(told: Mapping[str, Any]) -> Iterator[str]:
    for removal in told["removed"]:
        what = ", ".join(removal.get("removed") or ())
        rule = f", by rule {removal['rule']!r}" if removal.get("rule") else ""
        yield f"Raw values were erased on {_when(removal['at'])} by {removal['by']}{rule} ({what}); what is said here is left."


def _verified(told: Mapping[str, Any]) -> Iterator[str]:
    verified = told.get("verified")
    if verified is None:
        return
    yield (
        f"Verified with key {verified['key']}: {verified['covered']} of {verified['records']} records lie under the "
        f"signed checkpoint of {verified['checkpoint_size']}; {len(verified['faults'])} faults."
    )
    for fault in verified["faults"]:
        yield f"  DOES NOT VERIFY: {fault}"
    for gap in verified["not_verified"]:
        yield f"  not verified: {gap}"


def _when(text: str) -> str:
    return f"{text[:10]} {text[11:19]} UTC"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
