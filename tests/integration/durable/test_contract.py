"""What we rely on in DBOS beyond its documented interface. When an upgrade breaks one of these, read the adapter first."""

import inspect

from bridle.adapters.dbos.durable import APPLICATION_VERSION, DbosDurable, _config, _register
from bridle.adapters.sql.database import open_database
from bridle.engine.durable import Timing


async def _workflow(run, argument):
    return {}


def configured(tmp_path):
    return _config(f"sqlite:///{tmp_path / 'engine.db'}", executor="one", timing=Timing())


def test_one_workflow_of_a_dead_process_can_still_be_made_eligible():
    from dbos._sys_db import SystemDatabase

    names = list(inspect.signature(SystemDatabase.reenqueue_for_recovery).parameters)
    assert names == ["self", "workflow_id", "executor_ids", "recovery_queue_name"]


def test_the_queue_of_recovered_work_can_still_be_told_how_often_to_look():
    from dbos._dbos import _get_or_create_dbos_registry

    assert _get_or_create_dbos_registry().get_internal_queue()._polling_interval_sec > 0


def test_the_version_of_what_is_in_flight_is_ours_and_not_a_hash_of_the_source(tmp_path):
    assert configured(tmp_path)["application_version"] == APPLICATION_VERSION == "interpreter-3"


def test_two_processes_never_share_an_executor(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'bridle.db'}")
    made = [
        DbosDurable(database, engine_url="", workflow=_workflow, timing=Timing()).executor for _ in range(2)
    ]
    database.close()
    assert made[0] != made[1]


def test_values_are_kept_as_json(tmp_path):
    assert configured(tmp_path)["serializer"].name() == "portable_json"


def test_no_number_of_recoveries_ends_a_workflow():
    from dbos._registrations import get_func_info

    info = get_func_info(_register(_workflow, persists=True))
    assert info is not None
    assert info.max_recovery_attempts is None
