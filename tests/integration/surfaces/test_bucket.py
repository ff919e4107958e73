"""A journal published to an object store over S3's protocol; the server is a fake, the client is boto3."""

from bridle.adapters.shelves.open import open_shelf
from bridle.trust.log.publication import verify_published
from support.fake_s3 import fake_s3
from unit.trust.log.test_witness import published
from unit.trust.story import CONTROL_PLANE, tell


def test_an_object_store_takes_the_same_files(monkeypatch):
    with fake_s3() as (address, objects):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, "none")
        shelf = published(tell(), shelf=open_shelf("s3://audit/bridle"))
        assert "/audit/bridle/tile/0/000.p/14" in objects
        assert verify_published(shelf, control_plane=CONTROL_PLANE.verifier).records == 14
