"""Somebody writes into the store, past the journal: makes a suspended principal active, a revoked key good. The audit says so."""

import asyncio
from datetime import timedelta

import pytest

from bridle.adapters.sql.database import open_database
from bridle.app import open_counter
from bridle.surfaces.cli import main
from bridle.trust.lifecycle import Change
from bridle.trust.notary import Author
from bridle.trust.principals import Principal, PrincipalKind

CI = Principal(PrincipalKind.SERVICE, "ci", "user:ana", frozenset({"mcp:crm.*"}))
FORGERIES = {
    "a suspended principal made active": (
        "UPDATE principals SET body = replace(body, '\"suspended\"', '\"active\"') WHERE id = 'service:ci'"
    ),
    "a suspension taken out": (
        "DELETE FROM principals WHERE number = (SELECT max(number) FROM principals WHERE id = 'service:ci')"
    ),
    "a principal taken out": "DELETE FROM principals WHERE id = 'service:ci'",
    "a principal put in": (
        "INSERT INTO principals (id, body) SELECT 'service:cj', replace(body, ':ci', ':cj') FROM principals"
        " WHERE id = 'service:ci' LIMIT 1"
    ),
    "more rights": ("UPDATE principals SET body = replace(body, 'mcp:crm.*', '*') WHERE id = 'service:ci'"),
    "a revoked key made good": "UPDATE credentials SET revoked_at = NULL",
    "a key that lives longer": "UPDATE credentials SET expires_at = '2999-01-01T00:00:00.000000Z'",
    "a key of somebody else": "UPDATE credentials SET principal = 'service:bridle'",
    "a key taken out": "DELETE FROM credentials",
}


async def act(settings):
    """Have a service account added, given a key that is revoked, and suspended."""
    async with open_counter(settings) as counter:
        ana = Author(counter.user.id)
        await counter.store.registry.add(CI, by=ana)
        made = await counter.store.key_desk.issue(CI.id, lifetime=timedelta(days=1), by=ana)
        await counter.store.key_desk.revoke(made.credential.id, by=ana)
        await counter.store.registry.change(CI.id, Change.SUSPEND, by=ana)


@pytest.fixture
def database(settings):
    asyncio.run(act(settings))
    database = open_database(settings.store_url)
    yield database
    database.close()


@pytest.fixture
def audit(settings, monkeypatch, capsys):
    monkeypatch.setenv("BRIDLE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("BRIDLE_CONFIG_DIR", str(settings.config_dir))

    def audit():
        with pytest.raises(SystemExit) as ended:
            main.run(["audit", "verify"])
        return ended.value.code, capsys.readouterr().err

    return audit


def write(database, forgery):
    with database.engine.begin() as connection:
        assert connection.exec_driver_sql(FORGERIES[forgery]).rowcount > 0


def test_what_people_did_holds(database, audit):
    assert audit()[0] == 0


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_named(database, audit, forgery):
    write(database, forgery)
    code, told = audit()
    assert (code, "the store and the journal do not say the same" in told) == (3, True)
