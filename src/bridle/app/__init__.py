"""Composition root of the control plane: picks implementations and wires them, once per process.

Heavy libraries are imported here, when a command needs them, and not before: `bridle --help` imports none.
"""

from bridle.adapters.limits.schema import make_limits_schema
from bridle.adapters.models.connect import connect_model, key_references
from bridle.adapters.people.redaction_file import load_redaction_rules, parse_redaction_rules
from bridle.adapters.people.variables_file import load_variables
from bridle.adapters.shelves.open import open_shelf
from bridle.adapters.sql.health import read_health
from bridle.adapters.sql.journal import ORIGIN
from bridle.app.cases import build_book, build_teller
from bridle.app.counter import build_digests, build_reception, open_counter, read_exhibit_file
from bridle.app.folders import (
    add_person,
    agent_roots,
    case_roots,
    check_policies,
    find_sample,
    open_bindings,
    open_library,
    open_limits,
    open_opa,
    open_people,
    open_policy,
    open_roles,
    open_turns,
    prepare_sample,
    shipped,
    test_policies,
)
from bridle.app.opening import open_app, open_server
from bridle.app.store import Store, open_store
from bridle.app.wiring import App

__all__ = [
    "ORIGIN",
    "App",
    "Store",
    "add_person",
    "agent_roots",
    "build_book",
    "build_digests",
    "build_reception",
    "build_teller",
    "case_roots",
    "check_policies",
    "connect_model",
    "find_sample",
    "key_references",
    "load_redaction_rules",
    "load_variables",
    "make_limits_schema",
    "open_app",
    "open_bindings",
    "open_counter",
    "open_library",
    "open_limits",
    "open_opa",
    "open_people",
    "open_policy",
    "open_roles",
    "open_server",
    "open_shelf",
    "open_store",
    "open_turns",
    "parse_redaction_rules",
    "prepare_sample",
    "read_exhibit_file",
    "read_health",
    "shipped",
    "test_policies",
]
