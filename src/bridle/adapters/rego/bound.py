"""The policy of an account: what is asked of everyone, and the sets that are bound to parts of it.

Rules
  1. Each combination of sets that applies to an action has an engine of its own, with its own worker: a set that hangs, eats
     memory or raises stops only the actions in its scope. At most MOST_ENGINES are kept. A combination that finds no room asks
     the engine that has every set, and leaves out what does not apply. Once that gives no answer, which may be any set's fault,
     each combination has its own again: the one that was not asked for longest goes.
  2. The digest covers every set, every binding and the account's facts: whoever changes one has changed the policy.
  3. An external engine has all sets at once; what sets say that do not apply is left out here, by whose rule it is.
  4. All sets are loaded together at the start, so that one with complaints, or two with a rule of the same name, stops the server
     and not an action; so does a binding that names a rule which its set does not have.

What the answers come to under the bindings is `trust.bindings`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from bridle.adapters.rego.engine import MEMORY_MIB, Regorus
from bridle.adapters.rego.opa import EXTERNAL_NAME, export_module
from bridle.adapters.rego.policy_set import ANSWER, ANSWER_NAME, PolicySet, build_policy_set
from bridle.adapters.rego.reads import ACCOUNT, Speaker
from bridle.core.canonical import Json, digest
from bridle.core.errors import InputError
from bridle.trust.bindings import Binding, Speech, combine, list_applicable
from bridle.trust.policy import Finding, PolicyAnswer, PolicyEngine, PolicyError

MOST_ENGINES = 8  # a warm worker takes 21 MB


class BoundPolicy:
    """A PolicyEngine. Make it, `start` it to learn early what is wrong, ask it, `close` it."""

    def __init__(
        self,
        always: PolicySet,
        *,
        bindings: Sequence[Binding] = (),
        sets: Mapping[str, Mapping[str, str]] | None = None,
        account: Mapping[str, Json] | None = None,
        timeout_s: float = 1.0,
        memory_mib: int = MEMORY_MIB,
        external: Callable[[str], PolicyEngine] | None = None,
    ) -> None:
        self._always = always
        self._bindings = tuple(bindings)
        self._sets = dict(sets or {})
        self.account: Mapping[str, Json] = dict(account or {})
        self._timeout_s, self._memory_mib = timeout_s, memory_mib
        self._engines: OrderedDict[tuple[str, ...], Regorus] = OrderedDict()
        self._speakers: tuple[Speaker, ...] = ()
        self._closing: list[Regorus] = []
        self._external = external(self.digest) if external else None
        self._apart = False
        self._closed = False

    @cached_property
    def digest(self) -> str:
        return digest(self.texts[0])

    @cached_property
    def texts(self) -> tuple[Json, ...]:
        """What the digest is of, first; then what it names by digest in turn. Together they are the whole policy."""
        always: Json = {"modules": dict(self._always.modules), "answer": ANSWER}
        if not self._bindings and not self.account:
            return (always,)
        bound = {owner: dict(modules) for owner, modules in self._sets.items()}
        whole: Json = {
            "always": self._always.digest,
            "sets": bound,
            "bindings": [one.to_json() for one in self._bindings],
            "account": self.account,
        }
        return (whole, always)

    @property
    def speakers(self) -> tuple[Speaker, ...]:
        """Every rule of every set, once it was started."""
        return self._speakers

    @property
    def bindings(self) -> tuple[Binding, ...]:
        return self._bindings

    async def start(self) -> None:
        """Load all sets together once; raise UnavailableError or, for sets or bindings with complaints, InputError."""
        engine = self._engine(tuple(sorted(self._sets)))
        await engine.start()
        self._speakers = engine.speakers
        for binding in self._bindings:
            known = {one.rule for one in self._speakers if one.owner == binding.owner}
            unknown = sorted(set(binding.rules) - known)
            if unknown:
                raise InputError(
                    f"the set {binding.owner} has no rule {', '.join(unknown)}",
                    hint=f"its rules are {', '.join(sorted(known)) or 'none'}",
                    reason="bad-policy-bindings",
                )

    async def evaluate(self, document: Json) -> PolicyAnswer:
        """Ask about one action; raise PolicyError when there is no answer."""
        if not isinstance(document, Mapping):
            raise PolicyError("the facts are no document")
        if self._closed:
            raise PolicyError("the policy engine is closed")
        applicable = list_applicable(self._bindings, document)
        owners = tuple(sorted({one.owner for one in applicable}))
        answer, speakers = await self._ask(document, owners)
        while self._closing:
            await self._closing.pop().close()
        combined = combine(
            answer,
            applicable=applicable,
            speeches=[_speech(one) for one in speakers],
            supplied=self.account,
        )
        return PolicyAnswer(
            combined.deny, combined.ask, combined.allow, self.digest, combined.warn, combined.would
        )

    async def _ask(
        self, document: Mapping[str, Any], owners: tuple[str, ...]
    ) -> tuple[PolicyAnswer, Sequence[Speaker]]:
        """Return what the sets of everyone and those of these owners say, and which rules they have."""
        if self._external is None:
            if self._is_crowded(owners):
                try:
                    whole = await self._engine(tuple(sorted(self._sets))).evaluate(document)
                    return self._leave_out(whole, owners)
                except PolicyError:
                    self._apart = True  # any set may be at fault, and only those of this action may stop it
            engine = self._engine(owners)
            return await engine.evaluate(document), engine.speakers
        told = await self._external.evaluate(document)
        unknown = {one.rule for one in (*told.deny, *told.ask, *told.allow, *told.warn)}
        unknown -= {one.rule for one in self.speakers}
        if unknown:
            raise PolicyError(
                f"the external engine speaks by rules that no set has: {', '.join(sorted(unknown))}"
            )
        return self._leave_out(told, owners)

    def _is_crowded(self, owners: tuple[str, ...]) -> bool:
        """True when a combination would take the place of another one's engine, and every set has been seen to answer."""
        known = bool(self._speakers) and not self._apart
        return known and owners not in self._engines and len(self._engines) >= MOST_ENGINES

    def _leave_out(
        self, told: PolicyAnswer, owners: tuple[str, ...]
    ) -> tuple[PolicyAnswer, Sequence[Speaker]]:
        """Return what is left of an answer of every set when only those of these owners, and those of everyone, count."""
        silent = set(self._sets) - set(owners)
        speakers = [one for one in self.speakers if one.owner not in silent]
        rules = {one.rule for one in speakers}

        def said(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
            return tuple(finding for finding in findings if finding.rule in rules)

        answer = PolicyAnswer(said(told.deny), said(told.ask), said(told.allow), told.digest, said(told.warn))
        return answer, speakers

    def export(self) -> dict[str, str]:
        """Return the modules that an external engine has to load, by file name."""
        modules = dict(self._always.modules)
        for bound in self._sets.values():
            modules |= bound
        return {**modules, ANSWER_NAME: ANSWER, EXTERNAL_NAME: export_module(self.digest)}

    def list_unsupplied(self) -> list[tuple[Speaker, list[str]]]:
        """Return the rules that read facts of the account which it does not supply, each with their names."""
        found = [(one, sorted(_speech(one).account - set(self.account))) for one in self.speakers]
        return [(one, names) for one, names in found if names]

    async def close(self) -> None:
        """End every worker. Closing twice does nothing."""
        self._closed = True
        for engine in (*self._closing, *self._engines.values()):
            await engine.close()

    def _engine(self, owners: tuple[str, ...]) -> Regorus:
        """Return the engine of a combination; the oldest one of too many is closed when what it was asked is answered."""
        engine = self._engines.get(owners) or self._engines.setdefault(owners, self._make(owners))
        self._engines.move_to_end(owners)
        if len(self._engines) > MOST_ENGINES:
            _, oldest = self._engines.popitem(last=False)
            self._closing.append(oldest)
        return engine

    def _make(self, owners: tuple[str, ...]) -> Regorus:
        modules = dict(self._always.modules)
        for owner in owners:
            modules |= self._sets[owner]
        policies = PolicySet(modules, build_policy_set(modules).digest, bound=owners)
        return Regorus(policies, timeout_s=self._timeout_s, memory_mib=self._memory_mib)


def _speech(speaker: Speaker) -> Speech:
    paths = (path.split(".") for path in speaker.reads)
    account = frozenset(path[1] for path in paths if path[0] == ACCOUNT and len(path) > 1)
    return Speech(speaker.part, speaker.rule, speaker.owner, account, speaker.severity == "warn")
