"""From what the worker sent to a PolicyAnswer: exactly one shape is an answer, all else is an error.

Rules
  1. An object with exactly `deny`, `ask` and `allow`, each a list of objects with exactly `rule` and `reason`.
  2. A rule's name is lower-case words with dots and dashes; a reason is a text of at most MAX_REASON characters.
  3. At most MAX_FINDINGS findings: a set that says more is broken, not thorough.

The engine writes an undefined value as the text "<undefined>": a text is not an object, so rule 1 refuses it.
"""

from __future__ import annotations

import json
import re

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
    if len(deny) + len(ask) + len(allow) > MAX_FINDINGS:
        raise PolicyError(f"the policy gave more than {MAX_FINDINGS} findings")
    return PolicyAnswer(deny, ask, allow, digest)


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
    return tuple(sorted({_finding(part, item) for item in value}))


def _finding(part: str, item: Json) -> Finding:
    if not isinstance(item, dict) or set(item) != {"rule", "reason"}:
        raise PolicyError(f"{part} holds {_shown(item)}, not an object with rule and reason")
    rule, reason = item["rule"], item["reason"]
    if not isinstance(rule, str) or not RULE_NAME.fullmatch(rule):
        raise PolicyError(f"{part} holds {_shown(rule)}, which is no name of a rule")
    if not isinstance(reason, str) or not 0 < len(reason) <= MAX_REASON:
        raise PolicyError(f"the reason of {rule} is no text of 1 to {MAX_REASON} characters")
    return Finding(rule, reason)


def _shown(value: Json) -> str:
    return "undefined" if value == "<undefined>" else json.dumps(value)[:100]
