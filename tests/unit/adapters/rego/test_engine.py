"""The engine's wheel: exactly the one that is known, or nothing starts."""

from __future__ import annotations

import pytest

from bridle.adapters.rego import engine
from bridle.adapters.rego.engine import RIVALS, WHEEL, Regorus, check_wheel
from bridle.adapters.rego.policy_set import build_policy_set
from bridle.core.errors import UnavailableError


def test_the_known_wheel_alone_is_accepted() -> None:
    check_wheel([WHEEL])


@pytest.mark.parametrize(
    "installed", [[], *([rival] for rival in RIVALS), *([WHEEL, rival] for rival in RIVALS)]
)
def test_a_missing_or_ambiguous_wheel_is_refused(installed: list[str]) -> None:
    with pytest.raises(UnavailableError):
        check_wheel(installed)


def test_an_engine_is_not_even_made_without_its_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WHEEL", "a-wheel-that-nobody-has")
    with pytest.raises(UnavailableError, match="nothing can be decided"):
        Regorus(build_policy_set({"t.rego": "package bridle.gate\n"}))
