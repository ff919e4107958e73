"""Budgets at the gate: reserved before a call, settled after, and never exceeded."""

import asyncio
from decimal import Decimal

from bridle.gate.action import Denied, Done
from bridle.gate.budgets import Budget, OpenBudget

CALL = {"turn": 0, "payload": "sha256:" + "0" * 64, "new_messages": [], "max_output_tokens": 100}


async def open_budget(scene, **limits):
    limits = {"max_turns": 10, "max_tokens": None, "max_cost_usd": None, **limits}
    await scene.ports.journal.append([], [OpenBudget(Budget("b", **limits))])


def call(scene, number=0, model="priced"):
    return scene.action("model.call", call=number, budget="b", sent={"messages": []}, model=model, **CALL)


async def test_a_call_settles_what_it_really_used(scene):
    await open_budget(scene, max_cost_usd=Decimal(1))
    await scene.gate.perform(call(scene))
    budget = await scene.ports.budgets.get("b")
    assert (budget.used.turns, budget.used.tokens, budget.used.cost_usd) == (1, 15, Decimal("0.25"))
    assert budget.reserved.turns == 0


async def test_a_call_that_could_cost_more_than_is_left_is_denied(scene):
    await open_budget(scene, max_cost_usd=Decimal("0.4"))
    result = await scene.gate.perform(call(scene))
    assert isinstance(result, Denied)
    assert result.rule == "budget.cost"


async def test_a_cost_limit_on_a_model_without_a_price_is_a_denial(scene):
    await open_budget(scene, max_cost_usd=Decimal(100))
    result = await scene.gate.perform(call(scene, model="nobody-knows"))
    assert isinstance(result, Denied)
    assert result.rule == "budget.unpriced"


async def test_an_unpriced_model_without_a_cost_limit_is_allowed(scene):
    await open_budget(scene)
    assert isinstance(await scene.gate.perform(call(scene, model="nobody-knows")), Done)


async def test_a_missing_budget_is_a_denial(scene):
    assert isinstance(await scene.gate.perform(call(scene)), Denied)


async def test_two_calls_that_race_for_the_last_turn_do_not_both_win(scene):
    await open_budget(scene, max_turns=1)
    results = await asyncio.gather(
        scene.gate.perform(call(scene, 0)), scene.gate.perform(call(scene, 1)), return_exceptions=True
    )
    assert [isinstance(result, Done) for result in results].count(True) == 1
