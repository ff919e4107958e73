"""Who is there before anybody else is registered once, however many processes open a new store at once."""

import asyncio

from bridle.adapters.sql.principals import SqlPrincipals
from bridle.app.residents import register_residents
from bridle.trust.journal import Kind


async def test_two_that_open_a_new_store_at_once_register_everybody_once(store):
    principals = SqlPrincipals(store.database)
    both = [register_residents(store.journal, principals, store.signer) for _ in range(2)]
    one, other = await asyncio.gather(*both)
    registered = [record.subject for record in await store.journal.read(kinds=[Kind.PRINCIPAL_REGISTERED])]
    assert (one, len(registered), len(set(registered))) == (other, 3, 3)
