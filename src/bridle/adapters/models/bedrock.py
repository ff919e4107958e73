"""Bedrock: a client with the vault's key, no retries, and nothing read from the machine's own AWS files.

Keys are `env:AWS_BEARER_TOKEN_BEDROCK`, or else `env:AWS_ACCESS_KEY_ID` with `env:AWS_SECRET_ACCESS_KEY` and, if there is
one, `env:AWS_SESSION_TOKEN`. The region is no secret and is read from AWS_REGION or AWS_DEFAULT_REGION.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from boto3 import Session  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.session import get_session  # type: ignore[import-untyped]
from botocore.tokens import FrozenAuthToken  # type: ignore[import-untyped]
from pydantic_ai.models import Model
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.providers.bedrock import BedrockProvider

from bridle.core.errors import UnavailableError

if TYPE_CHECKING:
    from bridle.delegate.vault import Vault


class Bearer:
    """Gives the client its token; botocore asks for it by this method."""

    def __init__(self, token: str) -> None:
        self._token = token

    def load_token(self, **_: Any) -> FrozenAuthToken:
        return FrozenAuthToken(self._token)


def bedrock_model(model: str, *, vault: Vault, timeout_s: float) -> Model[Any]:
    """Return the framework's model for a Bedrock model id."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise UnavailableError(
            "no region for Bedrock",
            hint="set AWS_REGION where the delegate runs",
            reason="model-region-missing",
        )
    core: Any = get_session()
    bearer = resolve_optional("env:AWS_BEARER_TOKEN_BEDROCK", vault)
    if bearer:
        core.register_component("token_provider", Bearer(bearer))
    else:
        key, secret = vault.resolve("env:AWS_ACCESS_KEY_ID"), vault.resolve("env:AWS_SECRET_ACCESS_KEY")
        core.set_credentials(key, secret, resolve_optional("env:AWS_SESSION_TOKEN", vault) or None)
    signature = {"signature_version": "bearer"} if bearer else {}
    config = Config(retries={"total_max_attempts": 1}, read_timeout=timeout_s, **signature)
    client = Session(botocore_session=core, region_name=region).client("bedrock-runtime", config=config)
    return BedrockConverseModel(model, provider=BedrockProvider(bedrock_client=client))


def resolve_optional(reference: str, vault: Vault) -> str:
    """Return a secret, or an empty string when there is none at that place."""
    try:
        return vault.resolve(reference)
    except UnavailableError:
        return ""
