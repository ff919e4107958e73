"""The JSON Schema (draft 2020-12) of the facts, which are the policy's input: the one place where their shape is written down.

Rules
  1. Each object is closed: what a rule may read is what is here. `bridle schema policy-input` prints it, and
     `docs/schema/policy-input.json` is the copy that others read.
  2. A path that no schema knows is nobody's fact: a rule that reads one would be silent for ever (adapters.rego.reads).
  3. Null means known to be none, or not to be had. Nothing is left out: an absent fact is a fault.

What the facts mean is told in gate.facts, which gathers them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {}
EFFECT: Schema = {"enum": ["read", "reversible", "consequential", "destructive", ""]}
TEXTS: Schema = {"type": "array", "items": TEXT}
MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"}
MAPPING: Schema = {"type": "object", "additionalProperties": True}


def _closed(properties: Mapping[str, Schema], *, optional: Sequence[str] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        "required": required,
    }


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


PRINCIPAL = _or_null(
    _closed(
        {
            "id": TEXT,
            "kind": {"enum": ["user", "service", "agent", "delegate"]},
            "name": TEXT,
            "owner": TEXT,
            "version": TEXT,
            "digest": TEXT,
            "state": {"enum": ["draft", "approved", "active", "suspended", "retired"]},
            "asserted": FLAG,
            "roles": {"type": "array", "items": _closed({"role": TEXT, "through": TEXT, "where": TEXT})},
        }
    )
)
RESTS_ON = _closed(
    {
        "policy": TEXT,
        "agent": TEXT,
        "commit": TEXT,
        "repository": TEXT,
        "report": TEXT,
        "loop": TEXT,
        "limits": TEXT,
        "tool": TEXT,
        "plan": TEXT,
        "case": TEXT,
        "instead": TEXT,
    },
    optional=("loop", "limits", "tool", "plan", "case", "instead"),
)
SUITE = _or_null(
    _closed(
        {
            "exit_code": COUNT,
            "why": TEXT,
            "tests": COUNT,
            "failures": COUNT,
            "errors": COUNT,
            "skipped": COUNT,
            "failing": {"type": "array"},
            "report": _or_null(TEXT),
        },
        optional=("why", "skipped", "failing"),
    )
)
MARKS = _list(_closed(dict.fromkeys(("id", "kind", "reason", "by"), TEXT) | {"at": MOMENT, "about": TEXT}))
FACTS: Mapping[str, Schema] = {
    "action": _closed(
        {
            "tool": TEXT,
            "arguments": MAPPING,
            "control": MAPPING,
            "target": MAPPING,
            "datasets": TEXTS,
            "effect": EFFECT,
            "digest": TEXT,
            "step": TEXT,
            "execution": TEXT,
            "purpose": TEXT,
            "case": TEXT,
        }
    ),
    "principal": PRINCIPAL,
    "initiator": PRINCIPAL,
    "actors": _list(PRINCIPAL),
    "scope": TEXTS,
    "boundary": _closed(
        {
            "write": TEXTS,
            "protect": TEXTS,
            "push": TEXTS,
            "network": TEXT,
            "suite": _or_null(_closed({"script": TEXT, "report": TEXT})),
            "limits": {"type": "object", "additionalProperties": COUNT},
            "services": TEXT,
        },
        optional=("services",),
    ),
    "approval": _or_null(
        _closed(
            {
                "id": TEXT,
                "by": TEXT,
                "asserted": FLAG,
                "rests_on": RESTS_ON,
                "approvers": TEXTS,
                "inputs": MAPPING,
            }
        )
    ),
    "rests_on": RESTS_ON,
    "tree": TEXT,
    "verification": _or_null(
        _closed(
            {
                "tree": TEXT,
                "changed": TEXTS,
                "outside": TEXTS,
                "secrets": _list(MAPPING),
                "difference": TEXT,
                "baseline_tests": _or_null(COUNT),
                "suite": SUITE,
            }
        )
    ),
    "provenance": _or_null(
        _closed(
            {
                "commit": TEXT,
                "repository": TEXT,
                "message": TEXT,
                "change": _or_null(_closed({"exact": TEXT, "alike": TEXT})),
                "record": TEXT,
                "execution": TEXT,
                "agent": TEXT,
                "agent_version": TEXT,
                "agent_digest": TEXT,
                "tree": TEXT,
                "changed": TEXTS,
                "report": _or_null(TEXT),
            }
        )
    ),
    "undoes": _or_null(
        _closed(dict.fromkeys(("repository", "workspace", "branch", "commit", "previous"), _or_null(TEXT)))
    ),
    "reruns": _or_null(
        _closed(
            {
                "tree": TEXT,
                "source": TEXT,
                "clone": _or_null(_closed({"commit": TEXT, "tree": TEXT})),
                "branches": {"type": "object", "additionalProperties": TEXT},
            },
            optional=("source", "clone", "branches"),
        )
    ),
    "loop": _or_null(
        _closed(
            {
                "target": TEXT,
                "exact": TEXT,
                "alike": TEXT,
                "times": COUNT,
                "repeated": FLAG,
                "limit": COUNT,
                "within_s": COUNT,
                "undoes": FLAG,
                "before": _list(
                    _closed({"at": MOMENT, "tool": TEXT, "execution": TEXT, "key": TEXT, "same": FLAG})
                ),
            }
        )
    ),
    "attempt": _or_null(
        _closed(
            {
                "state": {"enum": ["begun", "unknown", "done", "again", "another", "unnamed"]},
                "tool": TEXT,
                "execution": TEXT,
                "key": TEXT,
                "at": TEXT,
                "record": TEXT,
            }
        )
    ),
    "deployment": _or_null(
        _closed(
            {
                "service": TEXT,
                "environment": TEXT,
                "type": {"enum": ["production", "non-production"]},
                "infrastructure": TEXT,
            }
        )
    ),
    "task": _or_null(
        _closed({"session": TEXT, "purpose": TEXT, "case": _or_null(TEXT), "request_digest": TEXT})
    ),
    "plan": _or_null(_closed({"id": TEXT, "digest": TEXT, "call": COUNT, "of": COUNT, "rules": TEXTS})),
    "instead": _or_null(
        _closed(
            {
                **dict.fromkeys(("tool", "key", "record"), TEXT),
                "because": {"enum": ["breaker-open", "out-of-reach", "not-known-there"]},
            }
        )
    ),
    "evidence": _list(
        _closed(
            {
                "record": TEXT,
                "type": {"enum": ["sarif", "junit", "cyclonedx", "spdx", "openvex", "slsa"]},
                "subject": TEXT,
                "at": MOMENT,
                "age_s": COUNT,
                "signer": TEXT,
                "attestors": TEXTS,
                "name": TEXT,
                "counts": {"type": "object", "additionalProperties": COUNT},
                "highest": {"enum": ["critical", "high", "medium", "low", "note", ""]},
            }
        )
    ),
    "origins": _or_null(
        _list(_closed(dict.fromkeys(("argument", "value", "type", "kind", "where", "note"), TEXT)))
    ),
    "history": _or_null(
        _list(
            _closed(
                {
                    "at": MOMENT,
                    "session": TEXT,
                    "tool": TEXT,
                    "effect": EFFECT,
                    "status": {"enum": ["denied", "asked", "begun", "succeeded", "failed", "unknown"]},
                    "approved": FLAG,
                    "arguments": MAPPING,
                }
            )
        )
    ),
    "as_of": {"type": ["integer", "null"]},
    "case": _or_null(
        _closed(
            {
                **dict.fromkeys(("id", "object", "type", "version", "type_digest", "owner", "state"), TEXT),
                "final": FLAG,
                "revision": COUNT,
                "covered": FLAG,
                "otherwise": {"enum": ["ask", "deny"]},
                "holds": MARKS,
                "exceptions": MARKS,
                "decisions": {"type": "object", "additionalProperties": TEXT},
                "due_at": _or_null(MOMENT),
                "overdue": FLAG,
            }
        )
    ),
    "change": _or_null(
        _closed(
            {
                **dict.fromkeys(("case", "what", "source", "target"), TEXT),
                "refused": _list(_closed({"rule": TEXT, "reason": TEXT})),
                "widens": TEXTS,
                "doubtful": TEXTS,
                "asks": FLAG,
                "terms": MAPPING,
            }
        )
    ),
    "override": _or_null(
        _closed(
            {
                "id": TEXT,
                "by": TEXT,
                "name": TEXT,
                "asserted": FLAG,
                "reason": TEXT,
                "scope": {"type": "object", "additionalProperties": TEXT},
                "begins_at": MOMENT,
                "ends_at": MOMENT,
            }
        )
    ),
    "place": _closed(
        {"project": _or_null(TEXT), "pipeline": _or_null(TEXT), "organisations": _or_null(TEXTS)}
    ),
    "account": MAPPING,
    "risk": {"enum": ["low", "medium", "high"]},
    "limits": _or_null(
        _list(
            _closed(
                {
                    "limit": TEXT,
                    "rule": TEXT,
                    "per": TEXT,
                    "group": _or_null(TEXT),
                    "counts": {"enum": ["actions", "targets", "amount", "cost"]},
                    "with_this": _or_null(TEXT),
                    "most": TEXT,
                    "within_s": _or_null(COUNT),
                    "then": {"enum": ["deny", "ask"]},
                    "full": _or_null(FLAG),
                }
            )
        )
    ),
    "breakers": _or_null(
        _list(
            _closed(
                {
                    "breaker": TEXT,
                    "per": TEXT,
                    "subject": TEXT,
                    "state": {"enum": ["closed", "open", "cooled", "probing"]},
                    "until": _or_null(TEXT),
                    "holds": FLAG,
                }
            )
        )
    ),
    "budget": _or_null(_closed({"turns": COUNT, "tokens": _or_null(COUNT), "cost_usd": _or_null(TEXT)})),
    "now": MOMENT,
}


def make_facts_schema() -> Schema:
    """Return the schema of a facts document."""
    return {
        "$schema": DIALECT,
        "title": "The policy's input: the facts of one action",
        **_closed(FACTS),
    }
