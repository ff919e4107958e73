"""What a provider's failure means for the one who reads it: may it work later, and what to do next."""

from __future__ import annotations

from pydantic_ai import exceptions as its

from bridle.core.errors import BridleError, ExecutionError, UnavailableError

MESSAGE_LIMIT = 500

MEANINGS: tuple[tuple[type[Exception], type[BridleError], str, str], ...] = (
    (its.ModelAuthenticationError, ExecutionError, "model-key-refused", "check the key the vault gives for this provider"),
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


def explain(failure: Exception, *, model: str) -> BridleError:
    """Return the error to raise for a failure of the framework; the first meaning that fits."""
    for kind, error, reason, hint in MEANINGS:
        if isinstance(failure, kind):
            said = " ".join(str(failure).split())[:MESSAGE_LIMIT]
            after = getattr(failure, "retry_after", None)
            wait = f" (it asks for {after:g} s)" if after else ""
            return error(f"the model call failed{wait}: {said}", where=model, hint=hint, reason=reason)
    return ExecutionError(f"the model call failed: {failure}", where=model, reason="model-failed")
