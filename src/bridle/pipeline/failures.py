"""`on-failure` at any level to failure rules.

Rules
  1. One rule or a list; a bare word `ignore` is `{errors: all, action: ignore}`.
  2. The older CamelCase names of errors are read; those without a twin become `unknown`, with a note.
  3. `action: retry` beside `retry: {…}` and `action: {retry: {…}}` are the same; so are `rollback` and `stage-rollback`. The
     steps of a `rollback` in an action of a stage are the stage's own rollback.
  4. A retry without a number is one more attempt; a manual intervention waits a day, and then aborts.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table
from typing import get_args

from bridle.pipeline.complaint import Findings, suggest
from bridle.pipeline.durations import parse_duration
from bridle.pipeline.failure import FailureAction, FailureRule, Reaction
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence
from bridle.pipeline.vocabulary import DECIDERS, FAILURE, MANUAL, PLAIN_ACTION, RETRY, STAGE, spell

_ERROR_NAMES = (
    "all unknown authentication authorization connectivity timeout verification delegate-provisioning delegate-restart"
    " policy-evaluation input-timeout approval-rejection user-mark-fail"
)
ERRORS = tuple(_ERROR_NAMES.split())
_OLDER_ERRORS = {
    "all-errors": "all",
    "any-other": "unknown",
    "infrastructure-failure": "unknown",
    "plugin-image-failure": "unknown",
    "resource-limits-failure": "unknown",
    "configuration-failure": "unknown",
    "retryable-transient-failure": "unknown",
}
_ERROR_TWINS = {"user-marked-failure": "user-mark-fail", "user-marked-fail": "user-mark-fail"}
ACTIONS: tuple[str, ...] = get_args(Reaction)
OFFERS = ("success", "ignore", "retry", "abort", "fail", "stage-rollback", "pipeline-rollback")
_TWINS = {
    "mark-as-success": "success",
    "mark-as-failure": "fail",
    "mark-as-fail": "fail",
    "rollback": "stage-rollback",
    "proceed-with-default-values": "proceed-with-default",
}
BACKOFFS = ("fixed", "exponential")
_REACTIONS: Table[str, Reaction] = {word: word for word in get_args(Reaction)}
MOST_ATTEMPTS = 100
INTERVENTION_S = 86_400


def read_failures(fields: Fields) -> tuple[FailureRule, ...]:
    """Return the rules under `on-failure`, in order."""
    if fields.noun is not STAGE:
        take_rollback(fields)
    rules = (_read_rule(node, fields.findings) for node in fields.items("on-failure"))
    return tuple(rule for rule in rules if rule is not None)


def take_rollback(fields: Fields) -> tuple[Node, ...]:
    """Return the steps that stand in a `rollback` action of a stage: they are those of its `rollback`, said once."""
    found = tuple(_list_rollbacks(fields.get("on-failure")))
    is_first = fields.noun is STAGE and not fields.has("rollback")
    for body in found[is_first:]:
        hint = "write them once, as rollback: of the stage"
        fields.refuse(
            "rollback steps belong to their stage", reason="misplaced-rollback", hint=hint, at=body.place
        )
    return found[0].items("steps") if found and is_first else ()


def _list_rollbacks(node: Node | None) -> Iterator[Fields]:
    """Yield the rollbacks with steps of their own, however deep in what follows what."""
    for item in node.items if isinstance(node, Sequence) else ():
        yield from _list_rollbacks(item)
    for key, value in node.entries if isinstance(node, Mapping) else ():
        if _spell_action(key.text) != "stage-rollback":
            yield from _list_rollbacks(value)
        elif isinstance(value, Mapping):
            body = open_fields(
                value, PLAIN_ACTION, findings=Findings()
            )  # its faults are told by `_read_plain`
            yield from (body,) if body and body.has("steps") else ()


def _read_rule(node: Node, findings: Findings) -> FailureRule | None:
    if isinstance(node, Scalar):
        action = _read_action(node, findings)
        return FailureRule(("all",), action) if action else None
    rule = open_fields(node, FAILURE, findings=findings)
    if rule is None:
        return None
    errors = tuple(_read_error(item, findings) for item in rule.items("errors")) or ("all",)
    if rule.has("errors") and not rule.items("errors"):
        rule.refuse(
            "no kind of error is named", reason="no-errors", hint="write errors: all, or leave it out"
        )
    action = _read_what(rule)
    return FailureRule(tuple(dict.fromkeys(error for error in errors if error)), action) if action else None


def _read_what(rule: Fields) -> FailureAction | None:
    """Return a rule's action; its details stand in it, or beside it below the same word."""
    given = rule.get("action")
    beside = [word for word in ("retry", "manual-intervention") if rule.has(word)]
    if not beside:
        if given is not None:
            return _read_action(given, rule.findings)
        hint = f"use one of {', '.join(ACTIONS)}"
        rule.refuse("on-failure needs 'action'", reason="missing-key:action", hint=hint)
        return None
    named = beside[0] if given is None else _spell_action(given.text) if isinstance(given, Scalar) else ""
    details = rule.nodes[beside[0]]
    if len(beside) == 1 and beside[0] == "retry" and named in ("retry", "retry-step-group"):
        return _read_retry(details, rule.findings, reaction=_REACTIONS[named])
    if beside == [named] == ["manual-intervention"]:
        return _read_manual(details, rule.findings, fail_all=False)
    rule.refuse("an action has one name", reason="several-actions", hint="keep one of them", at=details.place)
    return None


def _read_error(node: Node, findings: Findings) -> str:
    named = node.entries[0][0] if isinstance(node, Mapping) and node.entries else node
    word = spell(named.text) if isinstance(named, Scalar) else ""
    word = _ERROR_TWINS.get(word, word)
    if word in ERRORS and named is node:
        return word
    if word in _OLDER_ERRORS:
        findings.note(node.place, f"the error {word!r} is read as {_OLDER_ERRORS[word]!r}")
        return _OLDER_ERRORS[word]
    older = word.removesuffix("-error").removesuffix("-failure")
    if older in ERRORS and named is node:
        return older
    if word.startswith(("exitcode", "exit-code")):
        hint = "use errors: unknown, and retry with condition: <+step.exitCode> == 137"
        findings.refuse(node.place, "exit codes don't match", reason="exitcode-matcher", hint=hint)
        return ""
    hint = suggest(word, ERRORS, otherwise=f"use one of {', '.join(ERRORS)}")
    findings.refuse(node.place, f"{word!r} is no kind of error", reason="unknown-error-kind", hint=hint)
    return ""


def _read_action(node: Node, findings: Findings) -> FailureAction | None:
    """Read an action's name, or a mapping with the name as its one key."""
    if isinstance(node, Scalar):
        return _name_action(node, findings)
    if not isinstance(node, Mapping) or not node.entries:
        findings.refuse(node.place, "an action is a name", reason="unknown-action", hint=f"use {ACTIONS[0]}")
        return None
    named = [(key, value) for key, value in node.entries if spell(key.text) != "fail-all"]
    flags = {spell(key.text): value for key, value in node.entries if (key, value) not in named}
    fail_all = Fields(PLAIN_ACTION, node.place, flags, findings).flag("fail-all", default=False)
    if len(named) != 1:
        findings.refuse(
            node.place, "an action has one name", reason="several-actions", hint="keep one of them"
        )
        return None
    key, value = named[0]
    word = _spell_action(key.text)
    if word == "retry":
        return _read_retry(value, findings, fail_all=fail_all)
    if word == "retry-step-group":
        return _read_retry(value, findings, reaction="retry-step-group", fail_all=fail_all)
    if word == "manual-intervention":
        return _read_manual(value, findings, fail_all=fail_all)
    return _read_plain(key, value, findings, fail_all=fail_all)


def _spell_action(text: str) -> str:
    word = spell(text)
    return _TWINS.get(word, word)


def _name_action(node: Scalar, findings: Findings) -> FailureAction | None:
    word = _spell_action(node.text)
    if word in ("retry", "retry-step-group"):
        return FailureAction(_REACTIONS[word], attempts=1)
    if word == "manual-intervention":
        return FailureAction(
            "manual-intervention", timeout_s=INTERVENTION_S, offers=OFFERS, then=FailureAction("abort")
        )
    if word in _REACTIONS:
        return FailureAction(_REACTIONS[word])
    if word == "step-group-rollback":
        hint = "use stage-rollback: a stage's rollback steps undo it"
        findings.refuse(
            node.place, "a group has no rollback", reason="unsupported-action:StepGroupRollback", hint=hint
        )
        return None
    hint = suggest(word, ACTIONS, otherwise=f"use one of {', '.join(ACTIONS)}")
    findings.refuse(node.place, f"{word!r} is no action", reason="unknown-action", hint=hint)
    return None


def _read_plain(key: Scalar, value: Node, findings: Findings, *, fail_all: bool) -> FailureAction | None:
    action = _name_action(key, findings)
    if action is None or (isinstance(value, Scalar) and value.value is None):
        return _with_fail_all(action, fail_all=fail_all)
    body = open_fields(value, PLAIN_ACTION, findings=findings)
    if body and body.has("steps") and action.reaction != "stage-rollback":
        hint = "take them out, or write the action rollback"
        body.refuse("only a rollback has steps", reason="misplaced-rollback", hint=hint)
    return _with_fail_all(action, fail_all=fail_all or bool(body and body.flag("fail-all", default=False)))


def _with_fail_all(action: FailureAction | None, *, fail_all: bool) -> FailureAction | None:
    return (
        FailureAction(
            action.reaction,
            action.attempts,
            offers=action.offers,
            timeout_s=action.timeout_s,
            then=action.then,
            fail_all=fail_all,
        )
        if action
        else None
    )


def _read_retry(
    node: Node, findings: Findings, *, reaction: Reaction = "retry", fail_all: bool = False
) -> FailureAction | None:
    if isinstance(node, Scalar) and node.value is None:
        return FailureAction(reaction, attempts=1, fail_all=fail_all)
    body = open_fields(node, RETRY, findings=findings)
    if body is None:
        return None
    attempts = body.count("attempts", default=1)
    backoff = body.text("backoff", "fixed").lower()
    if backoff not in BACKOFFS:
        hint = suggest(backoff, BACKOFFS, otherwise=f"use one of {', '.join(BACKOFFS)}")
        body.refuse(f"{backoff[:40]!r} is no backoff", reason="unknown-backoff", hint=hint)
    if attempts > MOST_ATTEMPTS:
        body.refuse(
            f"{attempts} attempts", reason="too-many-attempts", hint=f"at most {MOST_ATTEMPTS} are made"
        )
    then = body.get("failure-action")
    return FailureAction(
        reaction,
        attempts=min(attempts, MOST_ATTEMPTS),
        intervals_s=_read_intervals(body, attempts),
        condition=body.text("condition").strip(),
        then=_read_action(then, findings) if then is not None else None,
        fail_all=fail_all or body.flag("fail-all", default=False),
    )


def _read_intervals(body: Fields, attempts: int) -> tuple[int, ...]:
    node = body.get("interval")
    listed = node.items if isinstance(node, Sequence) else (node,) if node is not None else ()
    found = [parse_duration(item.text) if isinstance(item, Scalar) else None for item in listed]
    for item, seconds in zip(listed, found, strict=True):
        if seconds is None:
            hint = "write 10s, 1m or a list of these"
            body.refuse("'interval' is not a duration", reason="bad-duration", hint=hint, at=item.place)
    intervals = [seconds for seconds in found if seconds is not None]
    if body.text("backoff").lower() == "exponential" and len(intervals) == 1:
        return tuple(min(intervals[0] * 2**index, 86_400) for index in range(min(attempts, 20)))
    return tuple(intervals)


def _read_deciders(body: Fields) -> dict[str, tuple[str, ...]]:
    """Return who may decide, anybody when nobody is named; a name alone is a user's or a group's."""
    node = body.get("approvers")
    if not isinstance(node, Mapping):
        names = body.texts("approvers")
        return {"users": names, "groups": names} if names else {}
    named = open_fields(node, DECIDERS, findings=body.findings)
    found = (
        {key: named.texts(key) for key in ("users", "groups", "attributes") if named.has(key)}
        if named
        else {}
    )
    if named is not None and not any(found.values()):
        named.refuse("nobody is named", reason="no-approvers", hint="name users, groups or attributes")
    return found


def _read_manual(node: Node, findings: Findings, *, fail_all: bool) -> FailureAction | None:
    body = (
        open_fields(node, MANUAL, findings=findings)
        if not (isinstance(node, Scalar) and node.value is None)
        else None
    )
    if body is None:
        return FailureAction(
            "manual-intervention", timeout_s=INTERVENTION_S, offers=OFFERS, then=FailureAction("abort")
        )
    offers = tuple(_spell_action(text) for text in body.texts("available-actions")) or OFFERS
    for offer in offers:
        if offer not in OFFERS:
            hint = suggest(offer, OFFERS, otherwise=f"use {', '.join(OFFERS)}")
            body.refuse(f"a person cannot answer {offer!r}", reason="unknown-action", hint=hint)
    expiry = body.get("timeout-action")
    return FailureAction(
        "manual-intervention",
        timeout_s=body.duration_s("timeout", default=INTERVENTION_S),
        offers=offers,
        approvers=_read_deciders(body),
        then=_read_action(expiry, findings) if expiry is not None else FailureAction("abort"),
        fail_all=fail_all or body.flag("fail-all", default=False),
    )
