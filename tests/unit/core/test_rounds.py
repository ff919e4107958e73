import asyncio
import logging

import pytest

from bridle.core.errors import UnavailableError
from bridle.core.rounds import Round, kept


@pytest.mark.parametrize("error", [UnavailableError("the place is away"), OSError("the place is away")])
async def test_a_round_that_fails_is_told_and_the_next_one_is_done(error, caplog):
    done, calls = asyncio.Event(), []

    async def do():
        calls.append(1)
        if len(calls) == 1:
            raise error
        done.set()

    with caplog.at_level(logging.WARNING):
        async with kept([Round(do, 0.001, "it could not be done")]):
            await asyncio.wait_for(done.wait(), 5)
    assert "it could not be done" in caplog.text


async def test_no_round_is_begun_after_the_block():
    async def do():
        calls.append(1)

    calls = []
    async with kept([Round(do, 0.0, "")]):
        await asyncio.sleep(0)
    before = len(calls)
    await asyncio.sleep(0.01)
    assert (before > 0, len(calls)) == (True, before)
