"""Budgets on SQL: limits and what was used in one row, reservations in rows of their own by action key."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one, refuse
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import Rows
from bridle.adapters.sql.schema import budgets, reservations
from bridle.gate.budgets import Budget, Budgets, OpenBudget, ReserveBudget, SettleBudget, Spend

MICRO = Decimal(1_000_000)
BY_ID = Prepared(budgets.select().where(budgets.c.id == sa.bindparam("budget")))
HOLD = Prepared(sa.select(budgets.c.id).where(budgets.c.id == sa.bindparam("budget")).with_for_update())
RESERVE = Prepared(reservations.insert(), *reservations.c.keys())
RELEASE = Prepared(reservations.delete().where(reservations.c.key == sa.bindparam("reservation")))
SPEND = Prepared(
    budgets.update()
    .where(budgets.c.id == sa.bindparam("budget"))
    .values(
        used_turns=budgets.c.used_turns + sa.bindparam("turns"),
        used_tokens=budgets.c.used_tokens + sa.bindparam("tokens"),
        used_cost=budgets.c.used_cost + sa.bindparam("cost"),
    )
)
HELD = Prepared(
    sa.select(
        sa.func.coalesce(sa.func.sum(reservations.c.turns), 0).label("turns"),
        sa.func.coalesce(sa.func.sum(reservations.c.tokens), 0).label("tokens"),
        sa.func.coalesce(sa.func.sum(reservations.c.cost), 0).label("cost"),
    ).where(reservations.c.budget == sa.bindparam("budget"))
)


class SqlBudgets(Rows, Budgets):
    """Implements `gate.budgets.Budgets`."""

    async def get(self, budget: str) -> Budget | None:
        return await self._database.look(lambda connection: _read(connection, budget))


@apply_guard.register
def _(guard: OpenBudget, connection: Connection) -> None:
    budget = guard.budget
    known = sa.select(budgets.c.id).where(budgets.c.id == budget.id)
    if connection.execute(known).one_or_none() is None:
        connection.execute(
            budgets.insert().values(
                id=budget.id,
                max_turns=budget.max_turns,
                max_tokens=budget.max_tokens,
                max_cost=None if budget.max_cost_usd is None else _micro(budget.max_cost_usd),
                used_turns=0,
                used_tokens=0,
                used_cost=0,
            )
        )


@apply_guard.register
def _(guard: ReserveBudget, connection: Connection) -> None:
    HOLD.rows(connection, {"budget": guard.budget})
    budget = _read(connection, guard.budget)
    if budget is None or budget.refusal(guard.amount, priced=True):
        raise refuse(guard, f"has no room left for {guard.key}")
    row = {"key": guard.key, "budget": guard.budget, **_columns(guard.amount)}
    change_one(guard, connection, RESERVE, row)


@apply_guard.register
def _(guard: SettleBudget, connection: Connection) -> None:
    change_one(guard, connection, RELEASE, {"reservation": guard.key})
    change_one(guard, connection, SPEND, {"budget": guard.budget, **_columns(guard.used)})


def _read(connection: Connection, budget: str) -> Budget | None:
    row = BY_ID.row(connection, {"budget": budget})
    if row is None:
        return None
    (held,) = HELD.rows(connection, {"budget": budget})
    return Budget(
        id=row.id,
        max_turns=row.max_turns,
        max_tokens=row.max_tokens,
        max_cost_usd=None if row.max_cost is None else Decimal(row.max_cost) / MICRO,
        used=Spend(row.used_turns, row.used_tokens, Decimal(row.used_cost) / MICRO),
        reserved=Spend(int(held.turns), int(held.tokens), Decimal(int(held.cost)) / MICRO),
    )


def _columns(spend: Spend) -> dict[str, int]:
    return {"turns": spend.turns, "tokens": spend.tokens, "cost": _micro(spend.cost_usd)}


def _micro(amount_usd: Decimal) -> int:
    return int((amount_usd * MICRO).to_integral_value(ROUND_CEILING))
