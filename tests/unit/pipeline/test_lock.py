"""The lock: what it gives, and what it refuses."""

import pytest

from bridle.core.errors import InputError
from bridle.pipeline.library import Library, Volume
from bridle.pipeline.lock import Lock, LockedLibrary, Pin, RecordingLibrary, parse_lock

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64


class FakeLibrary(Library):
    """Has 1.0.0 and 1.1.0 of everything, and one pipeline of the repository."""

    def find(self, uses, *, branch=""):
        version = "1.0.0" if uses.endswith("1.0.0") else "1.1.0"
        digest = OLD if version == "1.0.0" else NEW
        return Volume(uses.partition("@")[0], version, "", f"t/{version}.yaml", digest, bool(branch))

    def find_pipeline(self, uses):
        return Volume(uses, "", "", "pipelines/x.yaml", NEW)


def reason_of(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return caught.value.reason


def test_a_range_means_the_locked_version_and_not_the_newest():
    library = LockedLibrary(FakeLibrary(), Lock({"x@1": Pin("1.0.0", OLD)}))
    assert library.find("x@1").version == "1.0.0"


def test_a_text_that_is_not_the_locked_one_is_refused_with_file_digests_and_next_step():
    library = LockedLibrary(FakeLibrary(), Lock({"x@1": Pin("1.0.0", NEW)}))
    with pytest.raises(InputError) as caught:
        library.find("x@1")
    assert caught.value.reason == "template-changed"
    assert all(part in caught.value.what for part in ("t/1.0.0.yaml", OLD, NEW))
    assert "bridle lock" in caught.value.hint


def test_what_the_lock_does_not_name_is_refused():
    assert reason_of(LockedLibrary(FakeLibrary(), Lock()).find, "x@1") == "template-not-locked"


def test_a_draft_needs_no_lock():
    assert LockedLibrary(FakeLibrary(), Lock()).find("x@1", branch="try").draft


def test_a_pipeline_of_the_repository_is_the_text_that_was_locked():
    locked = Lock({"pipelines/ship": Pin("", NEW), "pipelines/other": Pin("", OLD)})
    library = LockedLibrary(FakeLibrary(), parse_lock(locked.to_text(), source="lock"))
    assert library.find_pipeline("ship").source == "pipelines/x.yaml"
    assert reason_of(library.find_pipeline, "other") == "template-changed"
    assert reason_of(library.find_pipeline, "third") == "template-not-locked"


def test_what_was_found_is_recorded_but_for_drafts():
    recording = RecordingLibrary(FakeLibrary())
    recording.find("x@1")
    recording.find("y", branch="try")
    recording.find_pipeline("ship")
    assert recording.pins == {"x@1": Pin("1.1.0", NEW), "pipelines/ship": Pin("", NEW)}


def test_a_lock_is_read_as_it_was_written():
    lock = Lock({"x@1": Pin("1.0.0", OLD), "a": Pin("1.10", NEW)})
    assert parse_lock(lock.to_text(), source="bridle.lock") == lock


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"format": "bridle/lock/2", "templates": {}}',
        '{"format": "bridle/lock/1", "templates": {"x": {"version": "1"}}}',
        '{"format": "bridle/lock/1", "templates": {"x": {"version": 1.1, "digest": "sha256:"}}}',
        '{"format": "bridle/lock/1", "templates": {"../x": {"version": "1.0", "digest": "OLD"}}}',
        '{"format": "bridle/lock/1", "templates": {"x": {"version": "../1", "digest": "OLD"}}}',
        '{"format": "bridle/lock/1", "templates": {"x": {"version": "1", "digest": "none"}}}',
        '{"format": "bridle/lock/1", "templates": []}',
    ],
)
def test_what_is_no_lock_is_refused(text):
    def read():
        return parse_lock(text.replace("OLD", OLD), source="bridle.lock")

    assert reason_of(read) == "bad-lock"
