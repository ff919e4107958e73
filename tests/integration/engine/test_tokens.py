"""Who a step acts as: a token for each leg, as narrow as the narrowest behind it, and none when the leg is over."""

from dataclasses import replace

from bridle.core.boundary import Boundary
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Denied, action_key
from bridle.trust.journal import Kind
from bridle.trust.principals import Lifecycle
from bridle.trust.tokens import hash_secret

RUN = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, run: make}]}]}"
AGENT = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, agent: {uses: test.helper@1.0.0}}]}]}"


async def test_a_step_asks_for_what_it_needs_and_no_more(desk):
    execution = await desk.start(RUN)
    await desk.carry(execution)
    assert await desk.scopes(execution) == {"user:ana": {"command:run"}}


async def test_a_token_lives_while_its_leg_works_and_is_gone_at_its_end(desk):
    execution = await desk.start(RUN)
    await desk.leg(execution, "a/b")
    secret = desk.delegate.told[0].token
    assert (desk.delegate.lived, await desk.tokens.find(hash_secret(secret))) == ([1], None)


async def test_a_token_of_a_leg_that_is_over_is_refused(desk):
    execution = await desk.start(RUN)
    await desk.leg(execution, "a/b")
    request = Request(
        action_key(execution.id, "a/b", call=9), "command.run", {"script": "x"}, "user:ana", "build"
    )
    action = Action(request, execution.id, "a/b", Boundary(write=("**",)), token=desk.delegate.told[0].token)
    assert isinstance(await desk.bench.gate.perform(action), Denied)


async def test_a_waiting_step_keeps_no_token(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)
    await desk.leg(execution, "repair/fix")
    assert (await desk.leg(execution, "approval/release"))["state"] == "waiting"
    assert desk.tokens_left() == 0


async def test_the_next_leg_gets_another_token_and_the_one_a_crash_left_is_deleted(desk):
    execution = await desk.start(RUN)
    await desk.crash(execution, "a/b")
    assert desk.tokens_left() == 1
    await desk.leg(execution, "a/b")
    first, second = (task.token for task in desk.delegate.told)
    assert (first != second, desk.delegate.lived, desk.tokens_left()) == (True, [1, 1], 0)


async def test_a_step_that_asks_for_nothing_records_no_token(desk):
    execution = await desk.start(
        "pipeline: {id: p, stages: [{id: a, steps: [{id: b, wait: {duration: 1s}}]}]}"
    )
    await desk.leg(execution, "a/b")
    kinds = {record.kind for record in await desk.store.journal.read(execution=execution.id)}
    assert Kind.STEP_STARTED in kinds
    assert not kinds & {Kind.TOKEN_MINTED, Kind.TOKEN_DELETED}


async def test_a_suspended_principal_gets_no_token_and_does_nothing(desk):
    execution = await desk.start(RUN)
    await desk.register(replace(desk.user, state=Lifecycle.SUSPENDED))
    answer = await desk.leg(execution, "a/b")
    assert (answer["state"], await desk.scopes(execution), desk.delegate.told) == ("failed", {}, [])
    assert "user:ana is suspended" in answer["note"]


async def test_a_principal_suspended_after_a_crash_keeps_no_token_either(desk):
    execution = await desk.start(RUN)
    await desk.crash(execution, "a/b")
    await desk.register(replace(desk.user, state=Lifecycle.SUSPENDED))
    assert (await desk.leg(execution, "a/b"))["state"] == "failed"
    assert desk.tokens_left() == 0


async def test_a_timer_has_no_token(desk):
    execution = await desk.start("pipeline: {id: p, stages: [{id: a, steps: [{id: b, wait: 10m}]}]}")
    await desk.leg(execution, "a/b")
    assert await desk.scopes(execution) == {}


async def test_an_agent_is_cut_to_what_its_initiator_may(desk, write_agent, say):
    write_agent()
    await desk.register(
        replace(desk.user, permissions=frozenset({"execution:start", "model:call", "file:read"}))
    )
    desk.delegate.turns = [say("", ("command.run", {"script": "make"})), say("I may not.")]
    execution = await desk.start(AGENT)
    await desk.carry(execution)
    assert await desk.scopes(execution) == {"agent:test.helper": {"model:call", "file:read"}}
    assert [task.request.tool for task in desk.delegate.told] == ["model.call", "model.call"]
    refusal = desk.delegate.told[1].payload["messages"][-1]["result"]
    assert (refusal["refused"], refusal["rule"]) == (True, "scope.missing")


async def test_an_agent_is_cut_to_what_the_permissions_around_it_name(desk, write_agent, say):
    write_agent()
    desk.delegate.turns = [say("", ("command.run", {"script": "make"})), say("I may not.")]
    execution = await desk.start(AGENT.replace("id: b,", "id: b, permissions: {file: read, model: call},"))
    await desk.carry(execution)
    assert await desk.scopes(execution) == {"agent:test.helper": {"model:call", "file:read"}}
    refusal = desk.delegate.told[1].payload["messages"][-1]["result"]
    assert (refusal["refused"], refusal["rule"]) == (True, "scope.missing")


async def test_an_agent_is_cut_to_the_tools_that_its_step_leaves_it(desk, write_agent, say):
    write_agent()
    desk.delegate.turns = [say("", ("command.run", {"script": "make"})), say("I may not.")]
    execution = await desk.start(AGENT.replace("1.0.0}", "1.0.0, tools: {bash: false}, max-turns: 2}"))
    await desk.carry(execution)
    assert await desk.scopes(execution) == {"agent:test.helper": {"model:call", "file:read", "git:commit"}}
    offered = [tool["name"] for tool in desk.delegate.told[0].payload["tools"]]
    assert (len(desk.delegate.told), sorted(offered)) == (2, ["file.read", "git.commit"])


async def test_an_agent_that_stands_in_its_step_works_by_the_same_rules(desk, say):
    desk.delegate.turns = [say("", ("git.push", {"branch": "main"})), say("Three files.")]
    step = "{task: Count the files, tools: {read: true}, model: priced}"
    execution = await desk.start(AGENT.replace("{uses: test.helper@1.0.0}", step))
    await desk.carry(execution)
    (scope,) = (await desk.scopes(execution)).values()
    first = desk.delegate.told[0].payload
    assert (scope, [tool["name"] for tool in first["tools"]]) == (
        {"model:call", "file:read"},
        ["file.list", "file.read"],
    )
    assert "Count the files" in str(first["messages"])
    assert "git.push" not in [task.request.tool for task in desk.delegate.told]


async def test_a_step_with_less_than_it_needs_does_nothing_and_says_why(desk):
    text = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, permissions: {file: read}, tool: {uses: git.push}}]}]}"
    execution = await desk.start(text)
    answer = await desk.leg(execution, "a/b")
    assert (answer["state"], await desk.scopes(execution), desk.delegate.told) == ("failed", {}, [])
    assert "leave it nothing of git:push" in answer["note"]


async def test_an_agent_who_shares_nothing_with_its_initiator_gets_no_token(desk, write_agent):
    write_agent()
    await desk.register(replace(desk.user, permissions=frozenset({"execution:start", "git:clone"})))
    execution = await desk.start(AGENT)
    answer = await desk.leg(execution, "a/b")
    assert (answer["state"], await desk.scopes(execution), desk.delegate.told) == ("failed", {}, [])


async def test_a_version_of_an_agent_is_registered_once(desk, write_agent, say):
    write_agent()
    desk.delegate.turns = [say("Done.")]
    for _ in range(2):
        await desk.carry(await desk.start(AGENT))
    records = await desk.bench.journal.read()
    known = [record.body["version"] for record in records if record.subject == "agent:test.helper"]
    assert known == ["1.0.0"]


async def test_no_token_outlives_its_execution(desk, write_agent, say):
    write_agent()
    desk.delegate.turns = [say("Done.")]
    await desk.carry(await desk.start(AGENT))
    assert desk.tokens_left() == 0


async def test_an_agents_token_is_for_the_purpose_of_its_file_and_for_no_other(desk, write_agent, say):
    write_agent()
    execution = await desk.start(AGENT)
    desk.delegate.turns = [say("", ("file.read", {"path": "a"})), say("Done.")]
    refused = {}
    carry_out = desk.delegate.carry_out

    async def try_another_purpose(task):
        if task.request.tool == "file.read":
            key = action_key(execution.id, "a/b", turn=9, call=1)
            for purpose in ("release", "repair"):
                request = replace(task.request, key=f"{key}-{purpose}", purpose=purpose)
                action = Action(request, execution.id, "a/b", Boundary(), token=task.token)
                desk.delegate.carry_out = carry_out
                refused[purpose] = getattr(await desk.bench.gate.perform(action), "rule", "")
        return await carry_out(task)

    desk.delegate.carry_out = try_another_purpose
    await desk.leg(execution, "a/b")
    assert refused == {"release": "scope.missing", "repair": ""}
