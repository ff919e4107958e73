"""Whoever has a journal has every guard: no composition can forget one."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType

from bridle.adapters import sql
from bridle.adapters.sql import journal
from bridle.adapters.sql.guards import apply_guard


def test_the_journal_imports_every_file_that_registers_a_guard() -> None:
    for name in (found.name for found in pkgutil.iter_modules(sql.__path__)):
        import_module(f"bridle.adapters.sql.{name}")
    registering = {function.__module__.rpartition(".")[2] for function in apply_guard.registry.values()}
    imported = {name for name, value in vars(journal).items() if isinstance(value, ModuleType)}
    assert registering - {"guards"} <= imported
