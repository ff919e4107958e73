"""From what the worker sent to a PolicyAnswer: exactly one shape is an answer, all else is an error.

Rules
  1. An object with exactly `deny`, `ask` and `allow`, each a list of objects with exactly `rule` and `reason`, and in the first
     two a `severity`, if any. What has the severity warn is told, and neither denies nor asks. What asks may be `alone`.
  2. A rule's name is lower-case words with dots and dashes; a reason is a text of at most MAX_REASON characters.
  3. At most MAX_FINDINGS findings: a set that says more is broken, not thorough.

The engine writes an undefined value as the text "<undefined>": a text is not an object, so rule 1 refuses it.
"""

from __future__ import annotations

import json
import re

from bridle.adapters.rego.reads import SEVERITIES
from bridle.core.canonical import Json
from bridle.trust.policy import Finding, PolicyAnswer, PolicyError

MAX_REASON = 2000
MAX_FINDINGS = 200
RULE_NAME = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
PARTS = ("deny", "ask", "allow")


def read_answer(body: bytes, *, digest: str) -> PolicyAnswer:
    """Read the body of a worker's frame; raise PolicyError for whatever is not exactly an answer."""
    value = _value_of(body)
    if not isinstance(value, dict) or set(value) != set(PARTS):
        raise PolicyError(f"the policy's answer is {_shown(value)}, not deny, ask and allow")
    deny, ask, allow = (_findings(part, value[part]) for part in PARTS)
    if sum(len(value[part]) for part in PARTS) > MAX_FINDINGS:
        raise PolicyError(f"the policy gave more than {MAX_FINDINGS} findings")
    warn = tuple(sorted({_plain(item) for item in (*value["deny"], *value["ask"]) if _is_warning(item)}))
    return PolicyAnswer(deny, ask, allow, digest, warn)


def _value_of(body: bytes) -> Json:
    try:
        message = json.loads(body)
    except ValueError as exc:
        raise PolicyError("the policy's answer is not JSON") from exc
    if isinstance(message, dict) and set(message) == {"error"}:
        raise PolicyError(f"the policy raised an error: {message['error']}", reason="policy-error")
    if not isinstance(message, dict) or set(message) != {"value"}:
        raise PolicyError("the policy worker sent no value")
    value: Json = message["value"]
    return value


def _findings(part: str, value: Json) -> tuple[Finding, ...]:
    if not isinstance(value, list):
        raise PolicyError(f"{part} is {_shown(value)}, not a set of findings")
    checked = [(_finding(part, item), item) for item in value]
    return tuple(sorted({finding for finding, item in checked if not _is_warning(item)}))


def _is_warning(item: Json) -> bool:
    return isinstance(item, dict) and item.get("severity") == "warn"


def _plain(item: Json) -> Finding:
    assert isinstance(item, dict)  # it was checked
    return Finding(str(item["rule"]), str(item["reason"]))


def _finding(part: str, item: Json) -> Finding:
    if not isinstance(item, dict) or set(item) - {"severity", "alone"} != {"rule", "reason"}:
        raise PolicyError(f"{part} holds {_shown(item)}, not an object with rule and reason")
    severity = item.get("severity", "error")
    if severity not in SEVERITIES or (severity == "warn" and part == "allow"):
        raise PolicyError(f"{part} holds a finding of the severity {_shown(severity)}")
    alone = item.get("alone", False)
    if not isinstance(alone, bool) or ("alone" in item and part != "ask"):
        raise PolicyError(f"{part} holds {_shown(item)}: only a question may be alone, true or false")
    rule, reason = item["rule"], item["reason"]
    if not isinstance(rule, str) or not RULE_NAME.fullmatch(rule):
        raise PolicyError(f"{part} holds {_shown(rule)}, which is no name of a rule")
    if not isinstance(reason, str) or not 0 < len(reason) <= MAX_REASON:
        raise PolicyError(f"the reason of {rule} is no text of 1 to {MAX_REASON} characters")
    return Finding(rule, reason, alone)


def _shown(value: Json) -> str:
    return "undefined" if value == "<undefined>" else json.dumps(value)[:100]
