"""Migrations: the newest schema, however old the store is, and one process at a time."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bridle.adapters.sql import database
from bridle.adapters.sql.database import open_database, open_sqlite
from bridle.adapters.sql.schema import NEWEST, metadata
from bridle.core.errors import InputError


async def test_the_migrated_schema_is_the_one_the_code_speaks_of(store):
    with store.database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_the_newest_revision_is_the_one_the_schema_names():
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


async def test_processes_that_open_an_empty_store_at_once_migrate_it_once(empty_url):
    opened = await asyncio.gather(*(asyncio.to_thread(open_database, empty_url) for _ in range(4)))
    with opened[0].engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM journal_head")).scalar_one() == 1
    for one in opened:
        one.close()


def test_a_new_folder_of_a_store_is_its_owner_s_alone(tmp_path):
    with open_sqlite(f"sqlite:///{tmp_path}/data/bridle.db").connect():
        pass
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_new_store_is_its_owner_s_alone_in_any_folder(tmp_path):
    with open_sqlite(f"sqlite:///{tmp_path}/bridle.db").connect() as connection:
        connection.execute(sa.text("CREATE TABLE made (by_us INTEGER)"))
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("other", ["0009_moved", "9999_later"])
async def test_a_store_of_another_version_of_bridle_is_left_alone_and_named(store, store_url, other):
    with store.database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :other"), {"other": other})
    with pytest.raises(InputError, match=f"made by another version of Bridle.*{other}"):
        open_database(store_url)
    with store.database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :newest"), {"newest": NEWEST})


def test_a_file_that_is_no_database_is_named_with_what_to_do(tmp_path):
    (tmp_path / "bridle.db").write_bytes(b"no database " * 400)
    with pytest.raises(InputError, match="the store is damaged"):
        open_database(f"sqlite:///{tmp_path / 'bridle.db'}")
