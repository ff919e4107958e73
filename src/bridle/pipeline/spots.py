"""Where in the text expressions stand, and from which node of the plan each looks.

value       rendered where the node runs        condition       an `if`, asked once, before a strategy is expanded
script      the same, and part of a program     cell-condition  asked for every cell
approval-for  names a step                      cell-name       rendered for every cell, when they begin
                                                strategy        rendered before there are cells
inputs      rendered around a template or       output          rendered at a block's end, inside it
            another pipeline                    env             a variable of a command's environment
deployment  rendered where a stage begins
retry-condition  asked after a failure: `step` is the attempt that failed
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from bridle.pipeline.complaint import Findings
from bridle.pipeline.library import Library
from bridle.pipeline.nodes import Node, Scalar, walk_scalars
from bridle.pipeline.policies import Policies, no_policies
from bridle.pipeline.tree import Address, AnyNode, Block
from bridle.pipeline.variables import Shared

if TYPE_CHECKING:
    from bridle.pipeline.fields import Fields
    from bridle.pipeline.library import Volume
    from bridle.pipeline.plan import Plan

CONDITIONS = frozenset({"condition", "cell-condition", "retry-condition"})
MAY_NAME_SECRETS = frozenset({"env", "inputs"})
BEFORE_CELLS = frozenset({"condition", "strategy"})  # no cell is known yet where these are evaluated


@dataclass(frozen=True, slots=True)
class Spot:
    """A text that may hold expressions; an empty address is the pipeline itself."""

    scalar: Scalar
    address: Address
    use: str


@dataclass
class Used:
    """What a pipeline and those that it chains use together: digests by pin, drafts, roots by digest, the size of all uses."""

    lock: dict[str, str] = field(default_factory=dict)
    drafts: set[str] = field(default_factory=set)
    roots: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    size_bytes: int = 0


class Placing(Protocol):
    """Puts what a file uses in the place of its use. That is made of stages and steps in turn, so those who read these are given
    it: they would import each other in a circle."""

    def step(self, fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> AnyNode: ...

    def stage(
        self, fields: Fields, key: str, here: Around, reading: Reading, head: dict[str, Any]
    ) -> Block: ...

    def agent(self, node: Node, reading: Reading) -> Node: ...

    def chain(self, fields: Fields, here: Around, reading: Reading, head: dict[str, Any]) -> Block: ...

    def nested(self, volume: Volume, reading: Reading) -> Plan: ...


@dataclass
class Reading:
    """What one pass over the file collects beside the plan. `using` are the templates that are being put in place.
    `shared` are the variables of the installation, or None where nobody knows them."""

    findings: Findings
    library: Library
    placing: Placing
    spots: list[Spot] = field(default_factory=list)
    used: Used = field(default_factory=Used)
    using: tuple[str, ...] = ()
    barriers: frozenset[str] = frozenset()
    policies: Policies = no_policies
    shared: Shared | None = None
    enforced: dict[str, Any] = field(default_factory=dict)

    def mark(self, node: Node | None, use: str, address: Address) -> None:
        """Note every text below `node` that could hold an expression."""
        for scalar in walk_scalars(node) if node is not None else ():
            if use in CONDITIONS or use == "approval-for" or "<+" in scalar.text or "${{" in scalar.text:
                self.spots.append(Spot(scalar, address, use))


@dataclass(frozen=True)
class Codebase:
    """What a pipeline says of clones: its own repository, and `clone` where its stages begin with one."""

    repo: Table[str, Node] = field(default_factory=dict)
    clone: Table[str, Node] | None = None


@dataclass(frozen=True)
class Around:
    """What a node inherits from the blocks around it; `permissions` is None where no block names any.

    `unnamed` begins the ids of nodes without one in a block without one; `inputs` are the names of those that a stage adds its
    own to, or None inside a template.
    """

    address: Address
    env: Table[str, str] = field(default_factory=dict)
    unnamed: str = ""
    variables: Table[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] | None = ()
    deployment: Table[str, str] = field(default_factory=dict)
    enforce: tuple[str, ...] = ()
    permissions: frozenset[str] | None = None
    codebase: Codebase | None = None

    @property
    def granted(self) -> tuple[str, ...] | None:
        """The permissions as a step has them."""
        return None if self.permissions is None else tuple(sorted(self.permissions))

    def below(self, index: int, env: Table[str, str], permissions: frozenset[str] | None = None) -> Around:
        """Return what the node at `index` of this one inherits: its own permissions only narrow those around it."""
        held = self.permissions
        return replace(
            self,
            address=(*self.address, index),
            env={**self.env, **env},
            unnamed="",
            permissions=permissions if held is None else held if permissions is None else held & permissions,
        )
