"""`bridle retention`: what was needed to carry an ended execution goes; what proves it, and what still waits, stays.

One room for each kind of store: a demo that has ended, one that waits for a person, and the removal. The tests look at what
is left. What becomes of raw values, of which the demo's recorded model leaves none, is in integration/sql.
"""

import shutil
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from bridle.adapters.sql.database import engine_url
from integration.durable.conftest import until
from support.commands import Bridle
from support.room import opened_room

DAY_S = 24 * 3600
NO_PERSON = 6


@dataclass
class Tidied:
    """What `bridle retention` was told, and what it is to be looked at with."""

    bridle: Bridle
    ended: str
    waiting: str
    evidence: str
    foreseen: Any
    removed: Any
    logs: str

    def count(self, table: str, execution: str) -> int:
        """Count the rows of an execution in a table of the durable engine."""
        url = self.bridle.room.store
        engine = sa.create_engine(sa.make_url(engine_url(url)).set(drivername=driver(url)))
        schema = "dbos" if engine.dialect.name == "postgresql" else None
        named = sa.table(table, sa.column("workflow_uuid"), schema=schema)
        query = sa.select(sa.func.count()).select_from(named).where(named.c.workflow_uuid == execution)
        with engine.connect() as connection:
            found = connection.execute(query).scalar_one()
        engine.dispose()
        return int(found)


def driver(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def tidied(request, forks, tmp_path_factory):
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("store")
        shutil.copytree(request.getfixturevalue("begun_folder"), folder, dirs_exist_ok=True)
        url = f"sqlite:///{folder / 'bridle.db'}"
    else:
        server = request.getfixturevalue("postgres")
        url = server.url(server.create(template=request.getfixturevalue("begun_database")))
    with opened_room(store=url) as room:
        yield tidy(Bridle(forks, room))


def tidy(bridle):
    done = bridle("demo", "--approve-as", "ana", "--json")
    assert done.code == 0, done.said
    ended, evidence = done.json["execution"], done.json["verified"]["file"]
    assert bridle("demo", "--no-input").code == NO_PERSON
    waiting, logs = bridle.newest(), bridle("logs", ended, "--json").out
    foreseen = bridle("retention", "--older-than", "0s", "--dry-run", "--json").json
    removed = bridle("retention", "--older-than", "0s", "--json").json
    return Tidied(bridle, ended, waiting, evidence, foreseen, removed, logs)


def test_a_dry_run_lists_what_is_removed_and_removes_nothing(tidied):
    assert tidied.foreseen == {"executions": [tidied.ended], "removed": False}
    assert tidied.removed == {"executions": [tidied.ended], "removed": True}


@pytest.mark.parametrize("table", ["workflow_status", "operation_outputs"])
def test_what_was_needed_to_carry_it_is_gone_and_that_of_a_waiting_one_is_there(tidied, table):
    left = [tidied.count(table, name) for name in (tidied.ended, tidied.waiting)]
    assert (left[0], left[1] > 0) == (0, True)


def test_the_journal_still_verifies(tidied):
    done = tidied.bridle("audit", "verify")
    assert done.code == 0, done.said


def test_the_evidence_still_verifies(tidied):
    done = tidied.bridle("evidence", "verify", tidied.evidence, "--key", str(tidied.bridle.room.key))
    assert done.code == 0, done.said


def test_the_logs_still_tell_everything_and_the_removal_beside_it(tidied):
    before, after = tidied.logs, tidied.bridle("logs", tidied.ended, "--json").out
    assert before.rstrip("]\n ") in after
    (removal,) = [record for record in tidied.bridle.records("history.removed")]
    assert (removal["execution"], removal["body"]["by"][:5]) == (tidied.ended, "user:")


def test_an_execution_is_listed_and_shown_as_before(tidied):
    done = tidied.bridle("executions", tidied.ended, "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.said


def test_resuming_what_has_ended_and_was_removed_changes_nothing(tidied):
    pushed = tidied.bridle.room.pushes()
    done = tidied.bridle("resume", tidied.ended, "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.said
    assert tidied.bridle.room.pushes() == pushed


def test_what_is_young_is_kept(tidied):
    done = tidied.bridle("retention", "--older-than", f"{DAY_S}s", "--json")
    assert done.json == {"executions": [], "removed": True}


def test_an_age_that_is_none_is_refused(tidied):
    done = tidied.bridle("retention", "--older-than", "soon", "--json")
    assert (done.code, done.json["type"]) == (2, "urn:bridle:problem:bad-age")


def test_what_waits_is_untouched_and_ends_well(tidied):
    done = tidied.bridle("approve", "--json")
    assert (done.code, done.json["state"], done.json["execution"]) == (0, "succeeded", tidied.waiting), (
        done.said
    )


def test_a_server_removes_by_its_setting(tidied):
    tidied.bridle("approve", "--json")  # where this test runs alone
    server = tidied.bridle.start("serve", "--json", environment={"BRIDLE_RETENTION": "0s"})
    try:
        until(lambda: tidied.count("workflow_status", tidied.waiting) == 0, within_s=60)
    finally:
        server.kill()
