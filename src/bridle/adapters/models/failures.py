"""What a provider's failure means for the one who reads it: may it work later, and what to do next."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic_ai import exceptions as its

from bridle.adapters.models.providers import ADDRESSES
from bridle.core.errors import BridleError, ExecutionError, UnavailableError

MESSAGE_LIMIT = 500

MEANINGS: tuple[tuple[type[Exception], type[BridleError], str, str], ...] = (
    (its.ModelAuthenticationError, ExecutionError, "model-key-refused", "check the key in {key}"),
    (its.ModelQuotaExceededError, ExecutionError, "model-quota", "the account at the provider is used up"),
    (its.ModelRateLimitError, UnavailableError, "model-rate-limit", "wait, then run it again"),
    (its.ModelContextWindowExceededError, ExecutionError, "model-context", "give the agent less to read, or a larger model"),
    (its.ModelNotFoundError, ExecutionError, "model-not-found", "check the model's name and the URL"),
    (its.ModelRequestRejectedError, ExecutionError, "model-request-refused", "the provider does not take this request"),
    (its.ModelConnectionError, UnavailableError, "model-unreachable", "check the network and the URL, then run it again"),
    (its.ModelRequestTimeout, UnavailableError, "model-timeout", "run it again, or take a faster model"),
    (its.ModelAPIError, UnavailableError, "model-unavailable", "wait, then run it again"),
    (its.UnexpectedModelBehavior, ExecutionError, "model-bad-answer", "the endpoint does not speak this format; check the URL"),
)  # fmt: skip


def explain(failure: Exception, *, model: str, opened: str = "") -> BridleError:
    """Return the error to raise for a failure of the framework; the first meaning that fits. `opened` is the name in full, where
    `model` is not."""
    opened = opened or model
    for kind, error, reason, hint in MEANINGS:
        if isinstance(failure, kind):
            said = " ".join(str(failure).split())[:MESSAGE_LIMIT]
            after = getattr(failure, "retry_after", None)
            wait = f" (it asks for {after:g} s)" if after else ""
            what = f"the model call failed{wait}: {said}"
            if kind is its.ModelConnectionError and (place := _place(opened)):
                what += f" ({place})"
            return error(what, where=model, hint=hint.replace("{key}", _key(opened)), reason=reason)
    return ExecutionError(f"the model call failed: {failure}", where=model, reason="model-failed")


def _place(model: str) -> str:
    """Return the host and port that a model is asked at, without what else its address holds."""
    kind, _, rest = model.partition(":")
    url = rest.partition("@")[2] or ADDRESSES.get(kind, "")
    return urlsplit(url).netloc.rpartition("@")[2]


def _key(model: str) -> str:
    """Return the variable that the model's key is read from."""
    kind, _, rest = model.partition(":")
    if kind == "bedrock":
        return "AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return "BRIDLE_MODEL_KEY" if "@" in rest else f"{kind.upper()}_API_KEY"
