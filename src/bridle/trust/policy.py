"""The policy port: a set of rules asked one question, with an answer that can only be read one way.

A policy set is a list of Rego v1 modules. Each adds findings to three sets, `deny`, `ask` and `allow`, in the package
`bridle.gate`; a finding names its rule and gives the reason a person and a model will read. One whose severity is `warn` is told
and stops nothing. A question with `alone: true` is put on its own, not as a part of a plan of calls. Combining them is not the
engine's work: gate.decision does it (deny wins over ask, ask over allow, and nothing said means denied).

Whatever is not exactly such an answer raises PolicyError: undefined, an exception, a time-out, an oversized or
misshapen document. The gate turns PolicyError into a denial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.errors import TrustError


class PolicyError(TrustError):
    """The policy engine gave no usable answer."""

    default_reason = "policy-no-answer"


@dataclass(frozen=True, order=True)
class Finding:
    """One rule's word: `rule` such as `git.push.protected-branch`, `reason` as a full sentence. `alone` is a question that no
    approval of a plan answers."""

    rule: str
    reason: str
    alone: bool = False


@dataclass(frozen=True, order=True)
class Would:
    """What a rule on trial would have done: `effect` is deny, ask or warn."""

    effect: str
    rule: str
    reason: str


@dataclass(frozen=True)
class PolicyAnswer:
    """What the rules said, each part sorted. `digest` is that of the policy set that said it.

    `warn` is told and stops nothing, `would` is what rules say that are on trial; neither decides anything.
    """

    deny: tuple[Finding, ...]
    ask: tuple[Finding, ...]
    allow: tuple[Finding, ...]
    digest: str
    warn: tuple[Finding, ...] = ()
    would: tuple[Would, ...] = ()


@dataclass(frozen=True)
class SetAnswer:
    """What the set of a policy step said, each part sorted: messages that stop, and messages that only warn."""

    deny: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()


class SetEngine(Protocol):
    """Evaluates sets that a pipeline brings along: modules of the package `pipeline` with `deny`, and `warn` if they like."""

    async def evaluate(self, name: str, text: str, document: Json) -> SetAnswer:
        """Ask one set about one document; raise PolicyError when there is no answer."""
        ...


class PolicyEngine(Protocol):
    """Evaluates one policy set. `digest` covers the names and texts of all its modules."""

    @property
    def digest(self) -> str: ...

    async def evaluate(self, document: Json) -> PolicyAnswer:
        """Ask the rules about one input document; raise PolicyError when there is no answer."""
        ...

    async def close(self) -> None: ...
