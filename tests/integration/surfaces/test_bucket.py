"""A journal published to an object store over S3's protocol; the client is boto3, the server rclone's."""

import pytest

from bridle.adapters.shelves.open import open_shelf
from bridle.core.errors import UnavailableError
from bridle.trust.log.publication import verify_published
from support.s3 import KEY, serve_s3
from unit.trust.log.test_witness import published
from unit.trust.story import CONTROL_PLANE, tell


@pytest.fixture
def settings(monkeypatch):
    """Set AWS's own settings; boto3 remembers the keys of whoever was first."""

    def set_all(**values):
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
        for name, value in {**KEY, **values}.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.fixture
def address(settings, tmp_path):
    (tmp_path / "audit").mkdir()
    with serve_s3(tmp_path) as address:
        settings(AWS_ENDPOINT_URL=address)
        yield address


def test_an_object_store_takes_the_same_files_and_gives_what_was_written_last(address):
    shelf = open_shelf("s3://audit/of-bridle")
    published(tell(), shelf=shelf)
    assert verify_published(shelf, control_plane=CONTROL_PLANE.verifier).records == 14
    assert shelf.read("tile/0/000.p/14") is not None
    assert shelf.read("tile/0/000") is None
    for data in (b"first", b"", b"\r\n0;\r\nthird\xff"):
        shelf.write("checkpoint", data)
        assert shelf.read("checkpoint") == data


def test_a_store_that_refuses_is_unavailable_and_not_empty(address, settings):
    with pytest.raises(UnavailableError, match="NoSuchBucket"):
        open_shelf("s3://elsewhere/bridle").read("checkpoint")
    settings(AWS_SECRET_ACCESS_KEY="of-somebody-else")  # noqa: S106  (of nothing)
    shelf = open_shelf("s3://audit/bridle")
    for use in (lambda: shelf.read("checkpoint"), lambda: shelf.write("checkpoint", b"forged")):
        with pytest.raises(UnavailableError, match="SignatureDoesNotMatch"):
            use()


def test_a_store_out_of_reach_is_unavailable_and_not_empty(settings):
    settings(AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    with pytest.raises(UnavailableError):
        open_shelf("s3://audit/bridle").read("checkpoint")
