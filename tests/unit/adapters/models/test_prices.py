"""What a turn costs, and where that is from."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bridle.adapters.models.connect import connect_model, price_of
from bridle.adapters.models.prices import Price, cost_of, list_cost, parse_price
from bridle.core.conversation import Usage
from bridle.core.errors import InputError

SONNET = "anthropic:claude-sonnet-5-5"
USAGE = Usage(1000, 100)


def test_a_listed_model_has_its_list_price() -> None:
    cost, priced = cost_of(SONNET, USAGE, override=None)
    assert (priced, cost is not None and cost > 0) == ("list", True)


@pytest.mark.parametrize(
    "model", ["openai:no-such-model", "openai:gpt-5@http://127.0.0.1:1/v1", "nobody:x", "", "openai:"]
)
def test_an_unlisted_model_has_no_cost_rather_than_none_to_pay(model: str) -> None:
    assert cost_of(model, USAGE, override=None) == (None, "unpriced")


def test_a_price_of_ones_own_wins() -> None:
    assert cost_of(SONNET, USAGE, override=Price(Decimal(1), Decimal(10))) == (Decimal("0.002"), "override")


def test_cached_input_is_cheaper_by_the_list() -> None:
    cached, full = list_cost(SONNET, Usage(1000, 100, cached_tokens=900)), list_cost(SONNET, USAGE)
    assert cached is not None
    assert full is not None
    assert cached < full


def test_a_price_is_read() -> None:
    assert parse_price("0.25/1.25") == Price(Decimal("0.25"), Decimal("1.25"))


@pytest.mark.parametrize("text", ["", "1", "a/b", "1/2/3", "-1/2", "NaN/1", "Infinity/1"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_price(text)


def test_the_gates_price_of_a_script_is_that_of_the_model_it_names(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(f"format: bridle/script/1\npriced_as: {SONNET}\nturns: []\n")
    price = price_of(folders=[tmp_path])
    assert price("scripted:s.yaml", 1000, 100) == list_cost(SONNET, USAGE)


def test_the_gates_price_of_an_unlisted_model_is_unknown() -> None:
    assert price_of()("openai:x@http://127.0.0.1:1/v1", 1000, 100) is None


@pytest.mark.parametrize("name", ["", "gpt-5", "gemini:x", "openai:", "recorded:"])
def test_a_name_that_means_no_model_lists_what_would(name: str) -> None:
    with pytest.raises(InputError) as caught:
        connect_model(name)
    assert "recorded:…" in caught.value.hint
