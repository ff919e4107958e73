"""The tables. Money is in micro-dollars, times are ISO 8601 text in UTC, JSON is text in canonical form.

`journal` is the truth; the other tables are what guarded changes need to look at in the same transaction.
"""

from __future__ import annotations

import sqlalchemy as sa

NEWEST = "0024_writings"  # the revision these tables are

metadata = sa.MetaData()

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("execution", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Index("journal_by_subject", "execution", "subject", "seq"),
    sa.Index("journal_by_execution", "execution", "seq"),
    sa.Index(
        "one_intent_and_one_outcome_a_key",
        "execution",
        "subject",
        "kind",
        unique=True,
        sqlite_where=sa.text("kind IN ('action.intended', 'action.outcome')"),
        postgresql_where=sa.text("kind IN ('action.intended', 'action.outcome')"),
    ),
)

journal_head = sa.Table(
    "journal_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("frontier", sa.Text, nullable=False),
    sa.Column("signer", sa.Text, nullable=False, server_default=""),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text, nullable=False),
)

working_keys = sa.Table(
    "working_keys",
    metadata,
    sa.Column("execution", sa.Text, primary_key=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
)

working_values = sa.Table(
    "working_values",
    metadata,
    sa.Column("record", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("execution", sa.Text, nullable=False, index=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

principals = sa.Table(
    "principals",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
)

credentials = sa.Table(
    "credentials",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, nullable=False, index=True),
    sa.Column("sha256", sa.Text, nullable=False, unique=True),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.Text),
    sa.Column("used_at", sa.Text),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False, unique=True),
    sa.Column("execution", sa.Text, nullable=False, index=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("initiator", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("claims", sa.Text, nullable=False, server_default="{}"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("execution", sa.Text, nullable=False, index=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False, index=True),
    sa.Column("tool", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("rests_on", sa.Text, nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("requested_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("asserted", sa.Boolean, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("terms", sa.Text, nullable=False, server_default="{}"),
    sa.Column("given", sa.Text, nullable=False, server_default="[]"),
    sa.Index(
        "one_open_approval_an_action",
        "action",
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
)

budgets = sa.Table(
    "budgets",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("max_turns", sa.BigInteger, nullable=False),
    sa.Column("max_tokens", sa.BigInteger),
    sa.Column("max_cost", sa.BigInteger),
    sa.Column("used_turns", sa.BigInteger, nullable=False),
    sa.Column("used_tokens", sa.BigInteger, nullable=False),
    sa.Column("used_cost", sa.BigInteger, nullable=False),
)

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("budget", sa.Text, nullable=False, index=True),
    sa.Column("turns", sa.BigInteger, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.BigInteger, nullable=False),
)

executions = sa.Table(
    "executions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("pipeline", sa.Text, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("plan_digest", sa.Text, nullable=False),
    sa.Column("inputs", sa.Text, nullable=False),
    sa.Column("options", sa.Text, nullable=False),
    sa.Column("initiator", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("wish", sa.Text, nullable=False, server_default=""),
    sa.Column("started_at", sa.Text, nullable=False, index=True),
    sa.Column("ended_at", sa.Text),
    sa.Column("arrived", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("admitted", sa.BigInteger),
    sa.Column("waiter", sa.Text, nullable=False, server_default=""),
    sa.Column("ceiling", sa.BigInteger),
    sa.Column("number", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index("executions_by_arrival", "arrived"),
    sa.Index("executions_by_number", "pipeline", "number"),
    sa.Index("executions_by_turn", "pipeline", "admitted"),
    sa.Index(
        "executions_in_line",
        "pipeline",
        "arrived",
        sqlite_where=sa.text("admitted IS NULL AND ended_at IS NULL"),
        postgresql_where=sa.text("admitted IS NULL AND ended_at IS NULL"),
    ),
    sa.Index(
        "executions_that_live",
        "pipeline",
        "arrived",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    sa.Index(
        "executions_with_a_wish",
        "wish",
        sqlite_where=sa.text("wish <> ''"),
        postgresql_where=sa.text("wish <> ''"),
    ),
)

lock_tickets = sa.Table(
    "lock_tickets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("execution", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("lost", sa.Boolean, nullable=False),
    sa.Index("lock_tickets_by_execution", "execution"),
)

barrier_arrivals = sa.Table(
    "barrier_arrivals",
    metadata,
    sa.Column("execution", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("beat_at", sa.Float, nullable=False),
    sa.Column("taken", sa.Boolean, nullable=False),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("started", sa.BigInteger, nullable=False),
    sa.Column("serves", sa.Boolean, nullable=False, server_default=sa.false()),
)

deeds = sa.Table(
    "deeds",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("exact", sa.Text, nullable=False),
    sa.Column("alike", sa.Text, nullable=False),
    sa.Column("execution", sa.Text, nullable=False),
    sa.Column("tool", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("anew", sa.Boolean, nullable=False),
    sa.Column("moved", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("deeds_by_target", "target", "number"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("initiator", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("case", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Index("sessions_by_state", "state", "opened_at"),
)

breakers = sa.Table(
    "breakers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("breaker", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Text, nullable=False),
    sa.Column("until", sa.Text, nullable=False),
    sa.Column("probe", sa.Text, nullable=False),
    sa.Column("probed_at", sa.Text, nullable=False),
    sa.Column("recorded", sa.Boolean, nullable=False),
    sa.Index("one_row_a_circuit", "breaker", "subject", unique=True),
)

breaker_failures = sa.Table(
    "breaker_failures",
    metadata,
    sa.Column("breaker", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("at", sa.Text, nullable=False),
)

kills = sa.Table(
    "kills",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("concerned", sa.Text, nullable=False),
    sa.Column("lifted_at", sa.Text),
)

kill_answers = sa.Table(
    "kill_answers",
    metadata,
    sa.Column("kill", sa.Text, primary_key=True),
    sa.Column("process", sa.Text, primary_key=True),
    sa.Column("left", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)

pins = sa.Table(
    "pins",
    metadata,
    sa.Column("tool", sa.Text, primary_key=True),
    sa.Column("pinned", sa.Text, nullable=False),
    sa.Column("seen", sa.Text),
)

limit_uses = sa.Table(
    "limit_uses",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("limit", sa.Text, primary_key=True),
    sa.Column("group", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Index("limit_uses_by_group", "limit", "group", "at"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("business", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("tool", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("execution", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("once", sa.Boolean, nullable=False),
    sa.Column("call", sa.Text, nullable=False, server_default=""),
    sa.Index("attempts_by_key", "key"),
    sa.Index("attempts_by_state", "state", "at"),
)

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("parked", sa.Boolean, nullable=False),
    sa.Column("due_at", sa.Text, nullable=False),
    sa.Column("escalated", sa.Boolean, nullable=False),
    sa.Column("opened_at", sa.Text, nullable=False),
    sa.Index("cases_by_object", "object", "type"),
    sa.Index("cases_by_due", "due_at"),
)

work = sa.Table(
    "work",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Index("work_by_state", "open", "at"),
)

obligations = sa.Table(
    "obligations",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("execution", sa.Text, nullable=False),
    sa.Column("tool", sa.Text, nullable=False),
    sa.Column("matching", sa.Text, nullable=False),
    sa.Column("due_at", sa.Text, nullable=False),
    sa.Index("obligations_by_tool", "tool"),
    sa.Index("obligations_by_due", "due_at"),
)

writings = sa.Table(
    "writings",
    metadata,
    sa.Column("value", sa.Text, primary_key=True),
    sa.Column("server", sa.Text, primary_key=True),
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Index("writings_by_stream", "stream", "server"),
)
