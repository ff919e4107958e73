"""Opens the place that `BRIDLE_CHECKPOINTS` names."""

from __future__ import annotations

from pathlib import Path

from bridle.adapters.shelves.folder import FolderShelf
from bridle.adapters.shelves.git import GitShelf
from bridle.core.errors import InputError, UnavailableError
from bridle.trust.log.publication import Shelf

CONNECT_S = 5  # a place that does not answer must not hold up whoever has to stop something


def open_shelf(address: str) -> Shelf:
    """Return the place: `/folder`, `git:/folder` or `s3://bucket/prefix`; raise InputError for any other address."""
    if address.startswith("s3://"):
        return _open_bucket(address)
    kind, folder = (
        (GitShelf, address.removeprefix("git:")) if address.startswith("git:") else (FolderShelf, address)
    )
    if not folder.startswith("/"):
        raise InputError(
            f"{address!r} is no place to publish to",
            where="BRIDLE_CHECKPOINTS",
            hint="write /folder, git:/folder or s3://bucket/prefix",
            reason="bad-shelf",
        )
    return kind(Path(folder))


def _open_bucket(address: str) -> Shelf:
    from bridle.adapters.shelves.bucket import BucketShelf

    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    try:
        import boto3  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]
    except ImportError as error:
        raise UnavailableError("boto3 is not installed", where=address, hint="pip install boto3") from error
    client = boto3.client("s3", config=Config(connect_timeout=CONNECT_S))
    return BucketShelf(bucket, prefix, client)
