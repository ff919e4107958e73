"""An object store that speaks S3: each file is an object under a prefix. Keys and address come from AWS's own settings.

The bucket's own versioning and object lock are what keeps an object that is written over; switch them on.
"""

from __future__ import annotations

from typing import Any

from bridle.core.errors import UnavailableError
from bridle.trust.log.publication import Shelf

MISSING = {"404", "NoSuchKey", "NotFound"}


class BucketShelf(Shelf):
    """Implements `trust.log.publication.Shelf`. `client` is boto3's of S3."""

    def __init__(self, bucket: str, prefix: str, client: Any) -> None:
        self._bucket, self._prefix, self._client = bucket, prefix.strip("/"), client

    def read(self, name: str) -> bytes | None:
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
            return bytes(found["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise self._unavailable(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

    def write(self, name: str, data: bytes) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=data)
        except (BotoCoreError, ClientError) as error:
            raise self._unavailable(error) from error

    def settle(self, what: str) -> None:
        """Nothing is left to do: each object was there when it was written."""

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _unavailable(self, error: Exception) -> UnavailableError:
        return UnavailableError(f"the journal cannot be published: {error}", where=f"s3://{self._bucket}")
