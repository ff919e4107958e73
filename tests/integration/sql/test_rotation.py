"""Rotations on a real store: the record, the files and who may append change together; a crash in between is made good."""

from contextlib import contextmanager

import pytest

from bridle.adapters.sql.leases import LeaseLost
from bridle.app import open_store, rotating
from bridle.app.counter import open_counter
from bridle.app.rotating import Rotation, open_delegate_key, rotate_control_plane, rotate_delegate
from bridle.core.errors import TrustError
from bridle.core.settings import load_settings
from bridle.delegate.app import NAME
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Entry, Kind
from bridle.trust.keys import Verifier, load_signer, make_signer

ENTRY = Entry(Kind.STEP_STARTED, "exe_1", "a", {})
WANTED = Rotation(by="user:ana")


@pytest.fixture
def settings(tmp_path):
    return load_settings({"HOME": str(tmp_path)})


async def verified(settings):
    """Return the ids of the keys, once the whole journal has verified with the one in the file."""
    key = Verifier.from_pem((settings.config_dir / "control-plane.pub").read_bytes())
    with open_store(settings) as store:
        await store.journal.checkpoint()
        checkpoints, records = await store.journal.checkpoints(), await store.journal.read()
        verify_journal(records, checkpoints=checkpoints, control_plane=key)
        return [era.verifier.keyid for era in store.signer.keys.eras]


async def rotate(settings):
    with open_store(settings) as store:
        await store.journal.append([ENTRY])
        await store.journal.checkpoint()
        new = await rotate_control_plane(store.journal, store.signer, WANTED, folder=settings.config_dir)
        return store.signer.verifier, new


async def test_records_and_checkpoints_on_both_sides_verify_and_the_old_public_key_stays(tmp_path, empty_url):
    settings = load_settings({"HOME": str(tmp_path), "BRIDLE_STORE": empty_url})
    old, new = await rotate(settings)
    with open_store(settings) as store:
        await store.journal.append([ENTRY])
    assert await verified(settings) == [old.keyid, new.keyid]
    kept = settings.config_dir / "keys" / f"control-plane-{old.keyid}.pub"
    assert Verifier.from_pem(kept.read_bytes()).keyid == old.keyid


async def test_a_process_that_holds_the_old_key_appends_and_signs_nothing_more(settings):
    with open_store(settings) as running:
        await running.journal.append([ENTRY])
        _, new = await rotate(settings)
        for attempt in (running.journal.append([ENTRY]), running.journal.checkpoint()):
            with pytest.raises(LeaseLost, match=new.keyid):
                await attempt
    assert new.keyid in await verified(settings)


async def test_a_key_of_another_installation_appends_nothing(settings, tmp_path):
    with open_store(settings) as store:
        await store.journal.append([ENTRY])
    other = load_settings({"HOME": str(tmp_path / "other"), "BRIDLE_STORE": settings.store_url})
    load_signer(other.config_dir / "control-plane.key")
    with open_store(other) as store, pytest.raises(LeaseLost, match="restore control-plane"):
        await store.journal.append([ENTRY])


async def test_a_folder_in_the_place_of_a_key_is_named(settings):
    (settings.config_dir / "control-plane.key").mkdir(parents=True)
    with pytest.raises(TrustError, match="not a file of yours") as refused, open_store(settings):
        pass
    assert "not a link or a folder" in refused.value.hint


@pytest.mark.parametrize(("gone", "hint"), [("control-plane", "backup"), ("delegate", "--lost")])
async def test_a_key_that_the_store_knows_and_that_is_gone_is_not_made_anew(settings, gone, hint):
    async with open_counter(settings):  # registers the delegate
        pass
    (settings.config_dir / f"{gone}.key").unlink()
    kept = {path.name: path.read_bytes() for path in settings.config_dir.iterdir()}
    with pytest.raises(TrustError, match=gone) as refused:
        async with open_counter(settings):
            pass
    assert hint in refused.value.hint
    assert {path.name: path.read_bytes() for path in settings.config_dir.iterdir()} == kept


async def test_two_rotations_of_one_key_are_one(settings):
    with open_store(settings) as late:
        await late.journal.append([ENTRY])
        await rotate(settings)
        with pytest.raises(LeaseLost):
            await rotate_control_plane(late.journal, late.signer, WANTED, folder=settings.config_dir)
    assert len(await verified(settings)) == 2


@contextmanager
def dying_before_the_files_change_places(monkeypatch):
    def die(path, by):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rotating, "replace_key", die)
        with pytest.raises(KeyboardInterrupt):
            yield


async def test_a_rotation_that_died_before_the_files_changed_places_is_finished(settings, monkeypatch):
    with dying_before_the_files_change_places(monkeypatch):
        await rotate(settings)
    assert len(await verified(settings)) == 2
    assert not (settings.config_dir / "control-plane-next.key").exists()


async def test_a_key_that_waits_and_was_never_recorded_is_not_taken(settings):
    with open_store(settings) as store:
        await store.journal.append([ENTRY])
    rotating.make_signer(settings.config_dir / "control-plane-next.key")
    assert len(await verified(settings)) == 1
    await rotate(settings)
    assert len(await verified(settings)) == 2


async def rotate_the_delegate(settings, wanted=WANTED):
    async with open_counter(settings) as counter:
        known = await counter.store.enrolled.get(NAME)
        store = counter.store
        return await rotate_delegate(store.journal, store.signer, known, wanted, folder=settings.config_dir)


async def test_the_delegate_gets_another_key_and_its_row_with_it(settings):
    new = await rotate_the_delegate(settings)
    with open_store(settings) as store:
        known = await store.enrolled.get(NAME)
    assert (
        known.public_key == new.raw.hex() == open_delegate_key(settings.config_dir, known).verifier.raw.hex()
    )
    await verified(settings)


async def test_a_delegates_key_that_died_before_the_files_changed_places_is_taken_over(settings, monkeypatch):
    with dying_before_the_files_change_places(monkeypatch):
        await rotate_the_delegate(settings)
    async with open_counter(settings) as counter:
        known = await counter.store.enrolled.get(NAME)
    assert open_delegate_key(settings.config_dir, known).verifier.raw.hex() == known.public_key


async def test_a_delegates_key_that_was_swapped_is_refused_until_a_person_says_that_it_is_lost(settings):
    async with open_counter(settings):
        pass
    make_signer(settings.config_dir / "delegate.key")
    with pytest.raises(TrustError, match="not the one that delegate:local is registered with"):
        async with open_counter(settings):
            pass
    with open_store(settings) as store:
        known = await store.enrolled.get(NAME)
        lost = Rotation(by="user:ana", lost=True)
        await rotate_delegate(store.journal, store.signer, known, lost, folder=settings.config_dir)
    async with open_counter(settings):
        pass
    await verified(settings)
