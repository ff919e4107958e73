"""The dialect's words for states, and the one word that Bridle uses for each.

The reader of a condition translates a word when it is compared with a status, so that `== "Failed"` and
`== "failed"` say the same. A note is what the dialect's word says beyond the state.
"""

from __future__ import annotations

from bridle.core.states import State

STATUS_WORDS: dict[str, tuple[State, str]] = {
    "NotStarted": (State.PENDING, ""),
    "Queued": (State.PENDING, ""),
    "Running": (State.RUNNING, ""),
    "Waiting": (State.WAITING, ""),
    "Paused": (State.PAUSED, ""),
    "Success": (State.SUCCEEDED, ""),
    "Succeeded": (State.SUCCEEDED, ""),
    "IgnoreFailed": (State.FAILED, "failure ignored"),
    "Failed": (State.FAILED, ""),
    "Errored": (State.FAILED, "errored"),
    "Aborted": (State.CANCELLED, ""),
    "AbortedByFreeze": (State.CANCELLED, "stopped by freeze"),
    "Expired": (State.EXPIRED, ""),
    "Skipped": (State.SKIPPED, ""),
    "Approved": (State.SUCCEEDED, "approved"),
    "Rejected": (State.DENIED, "approval rejected"),
    "ApprovalRejected": (State.DENIED, "approval rejected"),
}
_BY_FOLDED = {word.casefold(): state for word, (state, _) in STATUS_WORDS.items()}


def translate_status(word: str) -> str:
    """Return Bridle's spelling of a status, in whatever case it was written; other text comes back unchanged."""
    state = _BY_FOLDED.get(word.replace("_", "").casefold())
    return state.value if state else word
