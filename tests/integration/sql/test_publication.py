"""A real journal, published to a folder and a git repository, and verified from there."""

import shutil
import subprocess
from datetime import timedelta

import pytest

from bridle.adapters.shelves.folder import FolderShelf
from bridle.adapters.shelves.open import open_shelf
from bridle.adapters.sql.schema import checkpoints as checkpoints_table
from bridle.adapters.sql.schema import journal as journal_table
from bridle.adapters.sql.schema import journal_head
from bridle.core.errors import InputError, TrustError, UnavailableError
from bridle.trust.journal import GENESIS, Entry, Kind
from bridle.trust.log import publication
from bridle.trust.log.publication import publish, published_size, verify_published


def entries(count):
    return [Entry(Kind.STEP_STARTED, "exe_1", f"step{number}", {"n": number}) for number in range(count)]


@pytest.fixture
def shelf(tmp_path):
    return FolderShelf(tmp_path / "published")


def verify(store, shelf, **options):
    return verify_published(shelf, control_plane=store.signer.verifier, **options)


async def test_what_was_published_in_parts_verifies_without_the_store(store, shelf, monkeypatch):
    monkeypatch.setattr(publication, "RECORDS", 100)
    monkeypatch.setattr(publication, "AT_ONCE", 70)
    for count in (1, 254, 1, 1, 43):
        await store.journal.append(entries(count))
        assert (await publish(store.journal, shelf)).added == count
    assert verify(store, shelf).records == published_size(shelf) == 300
    assert (await publish(store.journal, shelf)).added == 0


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("records/000000.jsonl", lambda data: data.replace(b'"n":2', b'"n":3'), "do(es)? not follow|bytes"),
        (
            "records/000000.jsonl",
            lambda data: data[: data.rindex(b"\n", 0, -1) + 1],
            "speaks of 4 records, there are 3",
        ),
        (
            "records/000000.jsonl",
            lambda data: b"\n".join(reversed(data.split(b"\n"))),
            "not JSON|expected",
        ),
        ("tile/0/000.p/4", lambda data: data[32:] + data[:32], "the tile"),
        ("tile/0/000.p/4", lambda data: b"", "the tile"),
        (
            "checkpoint",
            lambda data: data.replace(b"\n4\n", b"\n5\n"),
            "speaks of 5 records, there are 4: .* from the future",
        ),
        ("checkpoint", lambda data: data.replace(b"\n4\n", b"\n3\n"), "signature is wrong"),
    ],
    ids=["forged", "truncated", "reordered", "tile", "empty-tile", "from-the-future", "of-the-past"],
)
async def test_a_published_file_that_was_tampered_with_is_refused(store, shelf, name, change, complaint):
    await store.journal.append(entries(4))
    await publish(store.journal, shelf)
    path = shelf.folder / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(TrustError, match=complaint):
        verify(store, shelf)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_copy_that_was_cut_off_with_its_checkpoint_is_found_by_one_that_was_kept(
    store, shelf, tmp_path
):
    await store.journal.append(entries(4))
    await publish(store.journal, shelf)
    old = FolderShelf(tmp_path / "old")
    shutil.copytree(shelf.folder, old.folder)
    await store.journal.append(entries(2))
    await publish(store.journal, shelf)
    kept = shelf.read("checkpoint").decode()
    assert verify(store, old).records == 4
    with pytest.raises(TrustError, match="speaks of 6 records, there are 4"):
        verify(store, old, kept=[kept])


async def test_a_journal_that_was_rolled_back_is_not_published_over_the_proof_of_it(store, shelf):
    await store.journal.append(entries(4))
    await publish(store.journal, shelf)
    before = shelf.read("checkpoint")
    with store.database.engine.begin() as connection:
        for table in (journal_table, checkpoints_table):
            connection.execute(table.delete())
        connection.execute(journal_head.update().values(size=0, hash=GENESIS, frontier="[]"))
    for count in (1, 9):  # with fewer records than are published, and with more
        await store.journal.append(entries(count))
        with pytest.raises(TrustError, match=r"published there|is another"):
            await publish(store.journal, shelf)
    assert shelf.read("checkpoint") == before
    refused = await store.journal.read(kinds=(Kind.PUBLICATION_REFUSED,))
    assert [record.body["published"] for record in refused] == [4, 4]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_records_that_are_newer_than_the_checkpoint_are_left_to_the_next(store, shelf, clock):
    await store.journal.append(entries(4))
    await publish(store.journal, shelf)
    checkpoint = shelf.read("checkpoint")
    clock.advance(timedelta(seconds=1))
    await store.journal.append(entries(3))
    await publish(store.journal, shelf)
    shelf.write("checkpoint", checkpoint)  # as if the publication had died before its last file
    assert verify(store, shelf).records == 4
    assert (await publish(store.journal, shelf)).size == 7
    assert verify(store, shelf).records == 7


def git(*words):
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_each_publication_is_a_commit_that_is_pushed(store, tmp_path):
    far = tmp_path / "far.git"
    git("init", "-q", "--bare", "-b", "main", far)
    shelf = open_shelf(f"git:{tmp_path / 'near'}")
    git("-C", shelf.folder, "remote", "add", "origin", far)
    for count in (3, 2):
        await store.journal.append(entries(count))
        await publish(store.journal, shelf)
    told = git("-C", far, "log", "--format=%s", "main")
    assert told.split("\n")[:2] == ["Journal: 5 records", "Journal: 3 records"]
    shutil.rmtree(far)
    await store.journal.append(entries(1))
    with pytest.raises(UnavailableError, match="git push"):
        await publish(store.journal, shelf)


@pytest.mark.parametrize("address", ["", "relative", "git:relative", "ftp://x"])
def test_a_place_that_is_none_is_refused(address):
    with pytest.raises(InputError, match="no place to publish"):
        open_shelf(address)
