"""The witness: cosigns what continues what it saw, and refuses forks, roll-backs and checkpoints from the future."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.core.errors import InputError
from bridle.trust.journal import Kind, Record
from bridle.trust.keys import Signer
from bridle.trust.log.checkpoint import CheckpointError, sign_checkpoint
from bridle.trust.log.cosignature import Witness, check_cosigned, cosign, split_cosigned
from bridle.trust.log.publication import CHECKPOINT, Shelf, publish
from bridle.trust.log.witness import Seen, Witnessed, WitnessError, look
from support.merkle_reference import tree_root
from unit.trust.story import CONTROL_PLANE, ORIGIN, STRANGER, Story, tell
from unit.trust.test_rotation import NEXT, rotate

WITNESS = Signer(Ed25519PrivateKey.from_private_bytes(b"w" * 32))
PUBLIC = Witness("example.org/w1", WITNESS.verifier)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


class ShelfInMemory(Shelf):
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        self.files[name] = data

    def settle(self, what: str) -> None:
        pass


class JournalOfStory:
    """A story as the journal that is published, under a key."""

    def __init__(self, story: Story, signer: Signer = CONTROL_PLANE) -> None:
        self._story, self._signer = story, signer

    async def checkpoint(self) -> str:
        leaves = self._story.leaves
        return sign_checkpoint(self._signer, ORIGIN, len(leaves), tree_root(leaves))

    async def read(self, *, after: int = -1, limit: int = 1_000_000) -> Sequence[Record]:
        return self._story.records[after + 1 : after + 1 + limit]


def published(
    story: Story, signer: Signer = CONTROL_PLANE, shelf: ShelfInMemory | None = None
) -> ShelfInMemory:
    shelf = shelf or ShelfInMemory()
    asyncio.run(publish(JournalOfStory(story, signer), shelf))  # type: ignore[arg-type]
    return shelf


def see(shelf: Shelf, last: Seen | None = None, *, now: datetime = NOW) -> Witnessed:
    trusted = last.key if last else CONTROL_PLANE.verifier
    return look(shelf, signer=WITNESS, name=PUBLIC.name, trusted=trusted, last=last, now=now)


def longer(story: Story, count: int = 3) -> Story:
    for number in range(count):
        story.write(Kind.STEP_STARTED, f"step{number}", {})
    return story


def test_it_cosigns_the_first_and_what_continues_it() -> None:
    story = tell()
    shelf = published(story)
    first = see(shelf)
    second = see(published(longer(story), shelf=shelf), first.seen, now=NOW + timedelta(hours=1))
    checkpoint, at = check_cosigned(second.text, PUBLIC)
    assert (second.added, at) == (3, NOW + timedelta(hours=1))
    assert checkpoint.encode() == shelf.files[CHECKPOINT]


def test_a_journal_that_was_rolled_back_is_refused() -> None:
    story = tell()
    seen = see(published(longer(story))).seen
    with pytest.raises(WitnessError, match="rolled back: 14 records, and 17"):
        see(published(tell()), seen)


@pytest.mark.parametrize("more", [0, 2, 5], ids=["as-long", "a-little-longer", "longer"])
def test_a_fork_is_refused(more: int) -> None:
    story = tell()
    seen = see(published(longer(story, 2))).seen
    other = tell()
    other.write(Kind.STEP_STARTED, "another", {})
    other.write(Kind.STEP_STARTED, "story", {})
    with pytest.raises(WitnessError, match="forked"):
        see(published(longer(other, more)), seen)


def test_a_checkpoint_from_the_future_is_refused() -> None:
    shelf, story = published(tell()), longer(tell())
    shelf.files[CHECKPOINT] = sign_checkpoint(
        CONTROL_PLANE, ORIGIN, len(story.leaves), tree_root(story.leaves)
    ).encode()
    with pytest.raises(WitnessError, match="from the future"):
        see(shelf)


def test_a_checkpoint_over_other_tiles_is_refused() -> None:
    shelf = published(tell())
    shelf.files[CHECKPOINT] = sign_checkpoint(CONTROL_PLANE, ORIGIN, 14, bytes(32)).encode()
    with pytest.raises(WitnessError, match="the tiles"):
        see(shelf)


def test_a_strangers_checkpoint_is_refused() -> None:
    with pytest.raises(WitnessError, match="not signed by key"):
        see(published(tell(), STRANGER))


def test_a_witness_whose_clock_went_back_cosigns_nothing() -> None:
    shelf = published(tell())
    with pytest.raises(WitnessError, match="clock"):
        see(shelf, see(shelf).seen, now=NOW - timedelta(seconds=1))


def test_it_follows_a_rotation_that_the_trusted_key_signed() -> None:
    story = tell()
    shelf = published(story)
    seen = see(shelf).seen
    rotate(story, CONTROL_PLANE, NEXT)
    followed = see(published(longer(story), NEXT, shelf), seen).seen
    assert followed.key.keyid == NEXT.verifier.keyid
    with pytest.raises(WitnessError, match="not signed by key"):
        see(published(longer(story), CONTROL_PLANE, shelf), followed)


def test_a_rotation_by_a_stranger_is_not_followed() -> None:
    story = tell()
    shelf = published(story)
    seen = see(shelf).seen
    rotate(story, STRANGER, NEXT)
    with pytest.raises(WitnessError, match="none of the control plane's keys"):
        see(published(story, NEXT, shelf), seen)


def test_a_public_key_has_one_spelling() -> None:
    text = PUBLIC.to_text()
    assert Witness.from_text(f"{text}\n").key.keyid == WITNESS.verifier.keyid
    for other in ("", "x", text.replace("w1", "w2"), text[:-4], text.replace("+", " ")):
        with pytest.raises(InputError, match="not a witness's key"):
            Witness.from_text(other)


def test_a_flipped_byte_of_a_cosigned_checkpoint_is_found() -> None:
    text = cosign(WITNESS, PUBLIC.name, tell().checkpoint(), at=NOW)
    body = len(text.partition("\n\n")[0])
    line = text.index("— example.org/w1")
    for place in (*range(0, body, 7), *range(line + 17, len(text) - 1, 5)):
        other = "A" if text[place] != "A" else "B"
        with pytest.raises(CheckpointError):
            check_cosigned(text[:place] + other + text[place + 1 :], PUBLIC)


def test_the_log_cannot_cosign_for_its_witness() -> None:
    text = cosign(CONTROL_PLANE, PUBLIC.name, tell().checkpoint(), at=NOW)
    with pytest.raises(CheckpointError, match="not by the key"):
        check_cosigned(text, PUBLIC)
    with pytest.raises(CheckpointError, match="has not cosigned"):
        check_cosigned(tell().checkpoint(), PUBLIC)


def test_a_cosigned_checkpoint_holds_the_one_that_was_signed() -> None:
    checkpoint = tell().checkpoint()
    assert split_cosigned(cosign(WITNESS, "w", checkpoint, at=NOW))[0] == checkpoint
