"""A file that declares a case type: YAML to CaseType, or every complaint about it.

Rules
  1. One document with the root key `case-type`. Every fault is named with its place; what cannot be read is never guessed.
  2. Purposes are those of the closed list, effects those of manifests; a tool is a name, or the beginning of names with a star.
  3. Who may do something is named by kind: user:, service:, agent:, group:, role:, or the word anyone. A transition, and a
     decision, that names nobody is refused.
  4. A condition asks for a decision that the type declares, and a value that it can have.
  5. A state may be left, unless it is final; may be reached from the initial one; and a final one may be reached from it.
"""

from __future__ import annotations

import re

from bridle.gate.action import Purpose
from bridle.gate.manifest import Effect
from bridle.operating.cases.case_type import (
    ANYONE,
    OTHERWISE,
    ApprovalRule,
    CaseType,
    DecisionRule,
    StateRule,
    Transition,
)
from bridle.operating.cases.soundness import Located, check_ways
from bridle.pipeline.complaint import Complaint, Findings, PipelineError, Place, suggest
from bridle.pipeline.document import read_documents
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Node, Scalar
from bridle.pipeline.vocabulary import (
    CASE_APPROVAL,
    CASE_DECISION,
    CASE_DUE,
    CASE_EXCEPTIONS,
    CASE_HOLDS,
    CASE_STATE,
    CASE_TRANSITION,
    CASE_TYPE,
    CASE_TYPE_FILE,
    Noun,
)

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
VERSION = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}", re.ASCII)
TOOL = re.compile(r"[a-z][A-Za-z0-9_.-]{0,127}\*?", re.ASCII)
WHO = re.compile(r"(user|service|agent|group|role):[A-Za-z0-9][A-Za-z0-9._-]{0,127}|anyone", re.ASCII)


def read_case_type(text: str | bytes, *, source: str) -> CaseType:
    """Return the case type of a file; raise PipelineError, an InputError, with every complaint."""
    findings = Findings()
    roots = read_documents(text, source=source)
    if len(roots) != 1:
        what = "the file is empty" if not roots else "a case type stands alone in its file"
        hint = "write one case-type: into it"
        raise PipelineError([Complaint(Place(source, 1, 1), what, "no-case-type", hint)])
    file = open_fields(roots[0], CASE_TYPE_FILE, findings=findings)
    body = file.get("case-type") if file else None
    if file is not None and body is None:
        file.refuse(
            "there is no case type in it", reason="missing-key:case-type", hint="add the key case-type:"
        )
    fields = open_fields(body, CASE_TYPE, findings=findings) if body is not None else None
    found = _Reader(fields).read() if fields else None
    findings.raise_if_any()
    assert found is not None  # without one there is a complaint, and it was raised
    return found


class _Reader:
    """Reads the parts of one case type, and remembers where they stand."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._findings = fields.findings

    def read(self) -> CaseType:
        fields = self._fields
        decisions = {name.text: self._decision(name, node) for name, node in fields.entries("decisions")}
        entries = fields.entries("states")
        states = {name.text: self._state(name, node) for name, node in entries}
        if not states:
            fields.refuse("a case type has states", reason="missing-key:states", hint="add states:")
        ways = [way for node in fields.items("transitions") for way in self._transition(node, decisions)]
        initial = fields.required_text("initial")
        at = node.place if (node := fields.get("initial")) else fields.place
        places = {name.text: name.place for name, _ in entries}
        check_ways(Located(states, ways, places, initial, at), self._findings)
        holds = self._open("holds", CASE_HOLDS)
        exceptions = self._open("exceptions", CASE_EXCEPTIONS)
        return CaseType(
            name=self._word("name", NAME, "write lower-case words with dashes: vendor-onboarding"),
            version=self._word("version", VERSION, "write 1.0.0"),
            owner=fields.required_text("owner"),
            description=fields.text("description").strip(),
            initial=initial,
            states=states,
            transitions=tuple(way for way, _ in ways),
            decisions=decisions,
            hold=self._who(holds, "place") if holds else (),
            release=self._who(holds, "release") if holds else (),
            resolve=self._who(exceptions, "resolve") if exceptions else (),
        )

    def _word(self, key: str, form: re.Pattern[str], hint: str) -> str:
        text = self._fields.required_text(key)
        node = self._fields.get(key)
        if text and not form.fullmatch(text):
            at = node.place if node else None
            self._fields.refuse(
                f"{text[:80]!r} is no {key} of a case type", reason=f"bad-{key}", hint=hint, at=at
            )
        return text

    def _open(self, key: str, noun: Noun) -> Fields | None:
        node = self._fields.get(key)
        return open_fields(node, noun, findings=self._findings) if node else None

    def _state(self, name: Scalar, node: Node) -> StateRule:
        self._check_name(name, "state")
        if isinstance(node, Scalar) and node.value is None:
            return StateRule()
        fields = open_fields(node, CASE_STATE, findings=self._findings)
        if fields is None:
            return StateRule()
        due = (
            open_fields(fields.nodes["due"], CASE_DUE, findings=self._findings) if fields.has("due") else None
        )
        state = StateRule(
            purposes=self._words(fields, "purposes", [str(one) for one in Purpose], "purpose"),
            tools=self._tools(fields),
            effects=self._words(fields, "effects", [str(one) for one in Effect], "effect"),
            otherwise=self._otherwise(fields),
            due_s=due.duration_s("after") if due else None,
            escalate=self._who(due, "escalate") if due else (),
            final=fields.flag("final", default=False),
            description=fields.text("description").strip(),
        )
        self._check_state(fields, state, due)
        return state

    def _check_state(self, fields: Fields, state: StateRule, due: Fields | None) -> None:
        if (state.tools or state.effects) and not fields.has("purposes"):
            hint = "say what they may be called for: purposes: [dispute]"
            fields.refuse("a state with tools has purposes", reason="missing-key:purposes", hint=hint)
        if due is not None and not due.has("after"):
            due.refuse("what is due has 'after'", reason="missing-key:after", hint="write after: 10d")
        if due is not None and not due.has("escalate"):
            hint = "say who has to see it: escalate: [group:operations]"
            due.refuse("what is due has 'escalate'", reason="missing-key:escalate", hint=hint)
        if due is not None and state.final:
            due.refuse(
                "nothing is due in a final state",
                reason="due-in-final-state",
                hint="take due: out, or final:",
            )

    def _otherwise(self, fields: Fields) -> str:
        word = fields.text("otherwise", OTHERWISE[0])
        if word not in OTHERWISE:
            at = fields.nodes["otherwise"].place
            hint = suggest(word, OTHERWISE, otherwise="write ask or deny")
            fields.refuse(
                f"{word[:40]!r} is no answer to what is not covered", reason="bad-otherwise", hint=hint, at=at
            )
        return word

    def _tools(self, fields: Fields) -> tuple[str, ...]:
        found = fields.texts("tools")
        for node in fields.items("tools"):
            if isinstance(node, Scalar) and not TOOL.fullmatch(node.text):
                hint = "write a tool's name, or how names begin and a star: mcp.ledger.*"
                fields.refuse(
                    f"{node.text[:80]!r} names no tool", reason="bad-tool", hint=hint, at=node.place
                )
        return found

    def _words(self, fields: Fields, key: str, known: list[str], what: str) -> tuple[str, ...]:
        found = fields.texts(key)
        for node in fields.items(key):
            if isinstance(node, Scalar) and node.text not in known:
                hint = suggest(node.text, known, otherwise=f"use one of {', '.join(known)}")
                fields.refuse(
                    f"{node.text[:40]!r} is no {what}", reason=f"unknown-{what}", hint=hint, at=node.place
                )
        return found

    def _decision(self, name: Scalar, node: Node) -> DecisionRule:
        self._check_name(name, "decision")
        fields = open_fields(node, CASE_DECISION, findings=self._findings)
        if fields is None:
            return DecisionRule((), ())
        values = fields.texts("values")
        if not values:
            hint = "list what it can be: values: [clear, hit]"
            fields.refuse(f"the decision {name.text!r} has no values", reason="missing-key:values", hint=hint)
        by = self._somebody(fields, f"take the decision {name.text!r}")
        return DecisionRule(values, by, fields.text("description").strip())

    def _transition(self, node: Node, decisions: dict[str, DecisionRule]) -> list[tuple[Transition, Place]]:
        fields = open_fields(node, CASE_TRANSITION, findings=self._findings)
        if fields is None:
            return []
        sources, target = fields.texts("from"), fields.required_text("to")
        if not sources:
            fields.refuse("a transition needs 'from'", reason="missing-key:from", hint="add 'from'")
        by = self._somebody(fields, "make this transition")
        conditions = self._conditions(fields, decisions)
        approval = self._approval(fields) if fields.has("approval") else None
        return [
            (Transition(source, target, by, conditions, approval), fields.place)
            for source in dict.fromkeys(sources)
        ]

    def _conditions(self, fields: Fields, decisions: dict[str, DecisionRule]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, node in fields.entries("if"):
            rule = decisions.get(name.text)
            value = node.text if isinstance(node, Scalar) else ""
            if rule is None:
                hint = suggest(name.text, decisions, otherwise="declare it below decisions:")
                what = f"the type has no decision {name.text[:80]!r}"
                fields.refuse(what, reason="unknown-decision", hint=hint, at=name.place)
            elif value not in rule.values:
                hint = suggest(value, rule.values, otherwise=f"it can be {', '.join(rule.values)}")
                what = f"the decision {name.text!r} is never {value[:80]!r}"
                fields.refuse(what, reason="impossible-condition", hint=hint, at=node.place)
            found[name.text] = value
        return found

    def _approval(self, fields: Fields) -> ApprovalRule | None:
        wanted = open_fields(fields.nodes["approval"], CASE_APPROVAL, findings=self._findings)
        if wanted is None:
            return None
        return ApprovalRule(
            users=wanted.texts("users"),
            groups=wanted.texts("groups"),
            attributes=wanted.texts("attributes"),
            minimum=wanted.count("min-count", default=1),
            four_eyes=wanted.flag("four-eyes", default=False),
        )

    def _somebody(self, fields: Fields, what: str) -> tuple[str, ...]:
        found = self._who(fields, "by")
        if not found:
            hint = f"say who: by: [group:operations], or by: {ANYONE}"
            fields.refuse(f"nobody may {what}", reason="nobody-may", hint=hint)
        return found

    def _who(self, fields: Fields, key: str) -> tuple[str, ...]:
        for node in fields.items(key):
            if isinstance(node, Scalar) and not WHO.fullmatch(node.text):
                hint = "write user:, service:, agent:, group: or role: and a name, or anyone"
                fields.refuse(f"{node.text[:80]!r} names nobody", reason="bad-who", hint=hint, at=node.place)
        return fields.texts(key)

    def _check_name(self, name: Scalar, what: str) -> None:
        if not NAME.fullmatch(name.text):
            hint = "write lower-case words with dashes"
            self._findings.refuse(
                name.place, f"{name.text[:80]!r} is no name of a {what}", reason="bad-name", hint=hint
            )
