"""A journal published to an object store over S3's protocol; the client is boto3, the server a fake.

BRIDLE_TEST_S3=URL tries a real one as well, or another program that speaks S3 (tried: s3rver of npm, which checks no signature of
version 4): it has a bucket `audit`, and AWS's own settings have its keys. Each run has a prefix of its own there.
"""

import os
from contextlib import nullcontext

import pytest

from bridle.adapters.shelves.open import open_shelf
from bridle.core.errors import UnavailableError
from bridle.core.ids import new_id
from bridle.trust.log.publication import verify_published
from support.fake_s3 import fake_s3
from unit.trust.log.test_witness import published
from unit.trust.story import CONTROL_PLANE, tell

REAL = os.environ.get("BRIDLE_TEST_S3", "")
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


@pytest.fixture(params=["", REAL] if REAL else [""], ids=lambda url: url or "fake")
def shelf(request, monkeypatch):
    with nullcontext((REAL, {})) if request.param else fake_s3() as (address, _):
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # it remembers the keys of whoever was first
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        if not request.param:
            for name in KEYS:
                monkeypatch.setenv(name, "none")
        yield open_shelf(f"s3://audit/{new_id('run')}")


def test_an_object_store_takes_the_same_files_and_gives_what_was_written_last(shelf):
    published(tell(), shelf=shelf)
    assert verify_published(shelf, control_plane=CONTROL_PLANE.verifier).records == 14
    assert shelf.read("tile/0/000.p/14") is not None
    assert shelf.read("tile/0/000") is None
    for data in (b"first", b"", b"\r\n0;\r\nthird\xff"):
        shelf.write("checkpoint", data)
        assert shelf.read("checkpoint") == data


def test_a_store_out_of_reach_is_unavailable_and_not_empty(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name, value in {**dict.fromkeys(KEYS, "none"), "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnavailableError):
        open_shelf("s3://audit/bridle").read("checkpoint")
