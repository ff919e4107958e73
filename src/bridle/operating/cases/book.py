"""The book of cases: what the gate is told of a case, and what it has recorded of one.

Rules
  1. What is so is what the newest record of the case says. The store's row is for guards and lists: where it says something
     else, the guard fails and nothing is done.
  2. A case whose records do not say the same as each other, or whose type is not the one that it names, is not known: the gate
     denies what is done for it.
  3. What others wrote into a case is redacted before it becomes part of it, of people as well; as it was written it lies in the
     working store, for whoever works on the case, and dies with that. A business object is named by an id: one that holds
     what redaction takes out is refused, because two of them would be one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bridle.core.canonical import Json, as_mapping, canonical
from bridle.core.clock import Clock
from bridle.core.errors import InputError
from bridle.core.ids import new_id
from bridle.gate.action import Action
from bridle.gate.inside import CaseMoved, Change, Inside
from bridle.gate.manifest import Manifests, is_external
from bridle.gate.reruns import options_of
from bridle.gate.standing import Standing
from bridle.operating.cases.case import Case, ChangeCase, OpenCase, begin
from bridle.operating.cases.case_type import CaseType, is_governed
from bridle.operating.cases.changing import change
from bridle.operating.cases.reach import find_tools, keep_held
from bridle.operating.cases.rules import Who, Wish, find_doubtful, find_refusals, find_widened
from bridle.operating.cases.telling import SAID, Teller, summarise
from bridle.trust.journal import Entry, Guard, Journal, Kind, Record
from bridle.trust.policy import Finding
from bridle.trust.principals import Place, Principal, PrincipalKind, Principals
from bridle.trust.quorum import Terms
from bridle.trust.redaction import Redactor

KINDS = (Kind.CASE_OPENED, Kind.CASE_CHANGED)
LED = ("case.move", "case.decide", "case.release", "case.resolve")
WRITTEN = ("reason", "text", "said_by")  # free text, which may speak of people
PEOPLE = (PrincipalKind.USER, PrincipalKind.SERVICE)
NamesOf = Callable[[str, Place], frozenset[str]]
FindType = Callable[[str], CaseType]


@dataclass(kw_only=True)
class CaseBook(Inside):
    """Implements `gate.inside.Inside`. `find_type` returns a type by name or raises InputError, `names_of` the groups and roles
    of a principal at a place."""

    journal: Journal
    principals: Principals
    manifests: Manifests
    clock: Clock
    redactor: Redactor
    find_type: FindType
    names_of: NamesOf
    teller: Teller
    _types: dict[str, CaseType] = field(default_factory=dict, init=False)

    async def get(self, case: str) -> tuple[Case, CaseType] | None:
        """Return a case with the type that it was opened with; None when there is none, or its records disagree."""
        newest = await self.journal.last(case, case, KINDS)
        if newest is None:
            return None
        found = Case.from_json(_part(newest, "case"))
        if found.type_digest not in self._types:
            first = await self.journal.last(case, case, (Kind.CASE_OPENED,))
            if first is None:
                return None
            case_type = CaseType.from_json(_part(first, "type"))
            self._types[case_type.digest] = case_type
        known = self._types.get(found.type_digest)
        return (found, known) if known is not None and found.id == case else None

    def redact(self, text: str) -> str:
        """Return a text as it would stand in a case."""
        return self.redactor.redact(text)

    async def describe_case(self, case: str, tool: str, effect: str, purpose: str) -> dict[str, Json] | None:
        found = await self.get(case)
        if found is None:
            return None
        known, case_type = found
        rule = case_type.states[known.state]
        governed = is_governed(tool, effect, external=is_external(tool))
        told = summarise(known, self.clock.now())
        return {
            **{name: told[name] for name in FACT},
            "decisions": {name: known.value_of(name) for name in known.decisions},
            "covered": not governed or rule.covers(tool, effect, purpose),
            "otherwise": rule.otherwise,
        }

    async def describe_change(self, action: Action, standing: Standing) -> dict[str, Json] | None:
        case, case_type, wish = await self._read(action, standing)
        refused = find_refusals(case, case_type, wish)
        named = action.request.arguments.get("object")
        if wish.tool == "case.open" and named != wish.arguments.get("object"):
            what = (
                "The object is named by something that is taken out of records. Name it by an id of your own."
            )
            refused.append(Finding("case.object", what))
        terms = _terms(case, case_type, wish, standing)
        return {
            "case": wish.text("case"),
            "what": wish.tool.removeprefix("case."),
            "source": case.state if case else "",
            "target": wish.text("to"),
            "refused": [{"rule": one.rule, "reason": one.reason} for one in refused],
            "widens": list(find_widened(case, case_type, wish)) if case and case_type else [],
            "doubtful": list(find_doubtful(case, case_type, wish)) if case and case_type else [],
            "asks": terms is not None,
            "terms": terms.to_json() if terms is not None else {},
        }

    async def prepare(self, action: Action, standing: Standing) -> Change:
        case, case_type, wish = await self._read(action, standing)
        refused = find_refusals(case, case_type, wish)
        if refused or case_type is None:
            raise CaseMoved(refused[0].reason if refused else "its type is gone")
        if wish.tool == "case.show":
            assert case is not None  # else it was refused
            return Change((), (), await self.teller.tell(case, case_type))
        now = wish.now
        if case is None:
            after = begin(wish.text("case"), case_type, object=wish.text("object"), by=wish.who.id, now=now)
        else:
            after = change(case, case_type, wish, new_id=new_id)
        guard: Guard = OpenCase(after) if case is None else ChangeCase(after, case.revision)
        entry = _entry(action, standing, wish, after, case_type if case is None else None)
        said = as_mapping(entry.body["said"])
        told = self.redactor.redact_json({name: action.request.arguments[name] for name in said})
        if told != said:
            entry = replace(entry, raw={SAID: canonical(told)})
        return Change((entry,), (guard,), summarise(after, now))

    async def _read(self, action: Action, standing: Standing) -> tuple[Case | None, CaseType | None, Wish]:
        arguments = as_mapping(self.redactor.redact_json(action.request.arguments))
        written = {name: arguments[name] for name in WRITTEN if name in arguments}
        arguments = {**arguments, **as_mapping(self.redactor.with_personal().redact_json(written))}
        tool = action.request.tool
        found = await self.get(str(arguments.get("case", "")))
        opened = self._find_opened(arguments) if tool == "case.open" else None
        case, case_type = found or (None, opened)
        who = await self._who(action, standing, case_type)
        return case, case_type, Wish(tool, arguments, who, self.clock.now())

    def _find_opened(self, arguments: Mapping[str, Json]) -> CaseType | None:
        try:
            return self.find_type(str(arguments.get("type", "")))
        except InputError:
            return None  # `bridle validate` says what is wrong with it; here there is no such type

    async def _who(self, action: Action, standing: Standing, case_type: CaseType | None) -> Who:
        actor, claims = standing.actor, standing.token.claims if standing.token else None
        behind = [await self.principals.get(name) for name in claims.actors] if claims else []
        agents = [one for one in (actor, *behind) if one is not None and one.kind not in PEOPLE]
        known = find_tools(case_type, self.manifests) if case_type else {}
        place = Place.of(claims.project if claims else "", action.deployment)
        return Who(
            id=action.request.principal,
            by_agent=bool(agents) or actor is None or None in behind,
            names=self.names_of(action.request.principal, place),
            tools=keep_held(known, await self._words_of(agents)),
            bound_to=action.case,
            known=known,
            led=not agents and await self._is_led(action),
            behind={name: self.names_of(name, place) for name in (claims.actors if claims else ())},
        )

    async def _is_led(self, action: Action) -> bool:
        """True when an agent took part in the pipeline that does this, in one that started it, or in the run that it repeats or
        undoes: nobody can tell then whose wish it is that its expressions and conditions came to."""
        streams = [action.execution] if action.request.tool in LED else []
        while streams and (execution := streams.pop()).startswith("exe_"):
            for record in await self.journal.read(execution=execution, kinds=(Kind.DECIDED,)):
                acting = as_mapping(record.body["facts"]).get("principal")
                if not isinstance(acting, Mapping) or acting.get("kind") not in PEOPLE:
                    return True
            options = await options_of(self.journal, execution)
            streams += [str(options[name]) for name in ("parent", "rerun_of", "undoes") if options.get(name)]
        return False

    async def _words_of(self, agents: Sequence[Principal]) -> frozenset[str]:
        """Return every permission of agents, and of every agent of their owners."""
        if not agents:
            return frozenset()
        owners = {agent.owner for agent in agents}
        everybody = await self.principals.all()
        others = [one for one in everybody if one.kind not in PEOPLE and one.owner in owners]
        return frozenset().union(*(one.permissions for one in (*agents, *others)))


FACT = (
    *("id", "object", "type", "version", "type_digest", "owner", "state", "final", "revision"),
    *("holds", "exceptions", "due_at", "overdue"),
)


def _terms(case: Case | None, case_type: CaseType | None, wish: Wish, standing: Standing) -> Terms | None:
    """Return whose approval a move takes; None where it takes none. Four eyes exclude whoever makes it, or has it made."""
    way = case_type.find(case.state, wish.text("to")) if case and case_type else None
    if way is None or way.approval is None or wish.tool != "case.move":
        return None
    mover = standing.initiator.id if standing.initiator else wish.who.id
    return Terms(
        minimum=way.approval.minimum,
        users=way.approval.users,
        groups=way.approval.groups,
        attributes=way.approval.attributes,
        excluded=mover if way.approval.four_eyes else "",
    )


def _entry(
    action: Action, standing: Standing, wish: Wish, after: Case, opened_with: CaseType | None
) -> Entry:
    said = {name: value for name, value in wish.arguments.items() if name != "case"}
    body: dict[str, Json] = {
        "action": action.digest,
        "of": {"execution": action.execution, "key": action.key},
        "what": wish.tool.removeprefix("case."),
        "by": wish.who.id,
        "for": standing.initiator.id if standing.initiator else "",
        "said": said,
        "case": after.to_json(),
    }
    if opened_with is None:
        return Entry(Kind.CASE_CHANGED, after.id, after.id, body)
    return Entry(Kind.CASE_OPENED, after.id, after.id, {**body, "type": opened_with.to_json()})


def _part(record: Record, name: str) -> Mapping[str, Json]:
    value = record.body.get(name)
    assert isinstance(value, Mapping)  # nobody else writes these records, and a misshapen one is a bug
    return value
