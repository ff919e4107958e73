"""Roles at work: who may push to production is who may start an agent there, and a binding that is gone counts at once."""

from dataclasses import replace

import pytest

from bridle.adapters.sql.principals import SqlPrincipals
from bridle.core.errors import TrustError
from bridle.trust.access import ROLES, Access, Binding, GrantedPrincipals, ResourceGroup
from bridle.trust.journal import Kind
from bridle.trust.principals import Principal, PrincipalKind
from support.roles import RolesInMemory

GROUPS = {
    "production": ResourceGroup(types=("production",)),
    "elsewhere": ResourceGroup(types=("non-production", "none")),
}
ANA = Binding("operator", principal="user:ana", resource_group="production")
BEN = Binding("developer", principal="user:ben", resource_group="elsewhere")
START = [Binding("starter", principal=f"user:{name}") for name in ("ana", "ben")]
STAGE = """
pipeline:
  id: p
  stages:
    - id: ship
      environment: {id: eu, type: TYPE}
      steps: [{id: act, ACT}]
"""
PUSH = f"tool: {{uses: git.push, with: {{commit: {'c' * 40}, branch: bridle/fix}}}}"
AGENT = "agent: {uses: test.helper@1.0.0}"


@pytest.fixture
def roles():
    """Two users may start executions, and each acts in one kind of environment."""
    known = {**ROLES, "starter": frozenset({"execution:start"})}
    return RolesInMemory(Access(bindings=(ANA, BEN, *START), roles=known, resource_groups=GROUPS))


@pytest.fixture
def principals(store, roles):
    return GrantedPrincipals(SqlPrincipals(store.database), roles)


@pytest.fixture(autouse=True)
async def ben(desk):
    await desk.register(Principal(PrincipalKind.USER, "ben", "user:ben", frozenset()))


async def begin(desk, name, act, kind):
    desk.user = await desk.bench.principals.get(f"user:{name}")
    return await desk.start(STAGE.replace("TYPE", kind).replace("ACT", act))


@pytest.mark.parametrize("act", [PUSH, AGENT], ids=["push", "agent"])
@pytest.mark.parametrize(
    ("name", "kind", "may"),
    [
        ("ana", "production", True),
        ("ben", "production", False),
        ("ana", "non-production", False),
        ("ben", "non-production", True),
    ],
)
async def test_who_may_push_to_an_environment_is_who_may_start_an_agent_there(
    desk, roles, write_agent, say, act, name, kind, may
):
    write_agent()
    desk.delegate.turns = [say("Done.")]
    execution = await begin(desk, name, act, kind)
    await desk.carry(execution)
    assert bool(await desk.scopes(execution)) is may


async def test_a_binding_that_is_taken_away_counts_at_the_next_action(desk, roles, write_agent, say):
    write_agent()
    read = ("file.read", {"path": "a"})
    desk.delegate.turns = [say("", read), say("", read), say("I may not.")]
    execution = await begin(desk, "ana", AGENT, "production")
    carry_out = desk.delegate.carry_out

    async def taken_away_after_the_first_read(task):
        if task.request.tool == "file.read":
            models_alone = {**roles.access.roles, "operator": frozenset({"model:call"})}
            roles.access = Access(bindings=roles.access.bindings, roles=models_alone, resource_groups=GROUPS)
        return await carry_out(task)

    desk.delegate.carry_out = taken_away_after_the_first_read
    await desk.carry(execution)
    assert [task.request.tool for task in desk.delegate.told] == [
        "model.call", "file.read", "model.call", "model.call",
    ]  # fmt: skip
    assert desk.delegate.told[-1].payload["messages"][-1]["result"]["rule"] == "scope.missing"


async def test_a_right_that_is_added_does_not_widen_a_token(desk, roles, write_agent, say):
    write_agent()
    few = {**roles.access.roles, "operator": frozenset({"model:call"})}
    more = roles.access
    roles.access = Access(bindings=more.bindings, roles=few, resource_groups=GROUPS)
    desk.delegate.turns = [say("", ("file.read", {"path": "a"})), say("I may not.")]
    execution = await begin(desk, "ana", AGENT, "production")
    carry_out = desk.delegate.carry_out

    async def added_after_the_first_turn(task):
        roles.access = more
        return await carry_out(task)

    desk.delegate.carry_out = added_after_the_first_turn
    await desk.carry(execution)
    assert {task.request.tool for task in desk.delegate.told} == {"model.call"}


async def test_a_boundary_of_the_project_cuts_what_everybody_holds(desk, roles, write_agent, say):
    write_agent()
    roles.access = replace(roles.access, boundaries={"default": frozenset({"model:call"})})
    desk.delegate.turns = [say("", ("file.read", {"path": "a"})), say("I may not.")]
    execution = await begin(desk, "ana", AGENT, "production")
    await desk.carry(execution)
    assert await desk.scopes(execution) == {"agent:test.helper": {"model:call"}}
    assert {task.request.tool for task in desk.delegate.told} == {"model.call"}


async def test_a_decision_knows_the_organisations_of_its_project(desk, roles):
    organisations = {"acme": frozenset({"default"}), "other": frozenset({"shop"})}
    roles.access = replace(roles.access, organisations=organisations)
    execution = await begin(desk, "ana", PUSH, "production")
    await desk.carry(execution)
    decided = await desk.bench.journal.read(execution=execution.id, kinds=(Kind.DECIDED,))
    assert {tuple(record.body["facts"]["place"]["organisations"]) for record in decided} == {("acme",)}


async def test_who_may_not_start_an_execution_records_none(desk, roles):
    roles.access = replace(roles.access, bindings=(ANA, BEN))
    with pytest.raises(TrustError) as caught:
        await begin(desk, "ana", PUSH, "production")
    assert caught.value.reason == "permission-missing"
    assert await desk.executions.find() == []


@pytest.mark.parametrize(("name", "may"), [("ana", True), ("ben", False)])
async def test_only_who_may_answer_where_the_action_has_its_effect_gives_a_verdict(
    desk, roles, approval_pipeline, name, may
):
    await desk.register(Principal(PrincipalKind.USER, "root", "user:root", frozenset()))
    owner = Binding("owner", principal="user:root")
    approves = Binding("approver", principal="user:ana")
    roles.access = replace(roles.access, bindings=(owner, approves, BEN))
    desk.user = await desk.bench.principals.get("user:root")
    execution = await desk.start(approval_pipeline)
    await desk.leg(execution, "repair/fix")
    await desk.leg(execution, "approval/release")
    desk.user = await desk.bench.principals.get(f"user:{name}")
    if may:
        await desk.answer(execution, approved=True)
        return
    with pytest.raises(TrustError) as caught:
        await desk.answer(execution, approved=True)
    assert caught.value.reason == "permission-missing"
    (approval,) = await desk.bench.approvals.find(execution=execution.id)
    assert approval.given == ()
