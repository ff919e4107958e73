"""`on-failure` of a step or stage to failure rules.

Rules
  1. One rule or a list; a bare word `ignore` is `{errors: all, action: ignore}`. The first rule that matches wins.
  2. The older CamelCase names of errors are read; those without a twin become `unknown`, with a note.
  3. Executed now: ignore, abort, fail. The other actions of the dialect are refused until they are executed.
"""

from __future__ import annotations

from bridle.pipeline.complaint import Findings, suggest
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Mapping, Node, Scalar
from bridle.pipeline.plan import FailureRule
from bridle.pipeline.vocabulary import FAILURE, spell

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
ACTIONS = ("ignore", "abort", "fail")
_LATER_NAMES = (
    "success retry manual-intervention stage-rollback pipeline-rollback retry-step-group proceed-with-default"
)
_LATER_ACTIONS = tuple(_LATER_NAMES.split())
_ACTION_TWINS = {
    "mark-as-success": "success",
    "mark-as-failure": "fail",
    "rollback": "stage-rollback",
    "mark-as-fail": "fail",
}


def read_failures(fields: Fields) -> tuple[FailureRule, ...]:
    """Return the rules under `on-failure`, in order."""
    rules = (_read_rule(node, fields.findings) for node in fields.items("on-failure"))
    return tuple(rule for rule in rules if rule is not None)


def _read_rule(node: Node, findings: Findings) -> FailureRule | None:
    if isinstance(node, Scalar):
        action = _read_action(node, findings)
        return FailureRule(("all",), action) if action else None
    rule = open_fields(node, FAILURE, findings=findings)
    if rule is None:
        return None
    errors = tuple(_read_error(item, findings) for item in rule.items("errors")) or ("all",)
    given = rule.get("action")
    if given is None:
        rule.refuse(
            "on-failure needs 'action'", reason="missing-key:action", hint=f"use one of {', '.join(ACTIONS)}"
        )
        return None
    action = _read_action(given, findings)
    return FailureRule(tuple(dict.fromkeys(error for error in errors if error)), action) if action else None


def _read_error(node: Node, findings: Findings) -> str:
    word = spell(node.text) if isinstance(node, Scalar) else ""
    if word in ERRORS:
        return word
    if word in _OLDER_ERRORS:
        findings.note(node.place, f"the error {word!r} is read as {_OLDER_ERRORS[word]!r}")
        return _OLDER_ERRORS[word]
    older = word.removesuffix("-error").removesuffix("-failure")
    if older in ERRORS:
        return older
    if word.startswith(("exitcode", "exit-code")):
        findings.refuse(
            node.place, "exit codes don't match", reason="exitcode-matcher", hint="use errors: unknown"
        )
        return ""
    hint = suggest(word, ERRORS, otherwise=f"use one of {', '.join(ERRORS)}")
    findings.refuse(node.place, f"{word!r} is no kind of error", reason="unknown-error-kind", hint=hint)
    return ""


def _read_action(node: Node, findings: Findings) -> str:
    place, word = node.place, ""
    if isinstance(node, Scalar):
        word = spell(node.text)
    elif isinstance(node, Mapping) and node.entries:
        key, _ = next(
            ((key, value) for key, value in node.entries if spell(key.text) != "fail-all"), node.entries[0]
        )
        place, word = key.place, spell(key.text)
    word = _ACTION_TWINS.get(word, word)
    if word in ACTIONS and isinstance(node, Scalar):
        return word
    if word in _LATER_ACTIONS or word in ACTIONS:
        name = f"{word}-with-options" if word in ACTIONS else word
        findings.refuse_later(place, name, hint=f"use one of {', '.join(ACTIONS)}, as a plain word")
    elif word == "step-group-rollback":
        hint = f"use one of {', '.join(ACTIONS)}"
        findings.refuse(
            place, "a group has no rollback", reason="unsupported-action:StepGroupRollback", hint=hint
        )
    else:
        hint = suggest(word, [*ACTIONS, *_LATER_ACTIONS], otherwise=f"use one of {', '.join(ACTIONS)}")
        findings.refuse(place, f"{word!r} is no action", reason="unknown-action", hint=hint)
    return ""
