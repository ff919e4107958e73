"""The one tree of errors, split by who must act.

    BridleError
    ├── InputError         your file or request is wrong             exit 2
    ├── TrustError         you may not                               exit 3
    ├── ExecutionError     it was allowed, ran, and failed           exit 4
    ├── UnavailableError   something it needs is missing: try later  exit 5
    └── WaitingError       it waits for a person                     exit 6

Anything else that reaches the surface is a bug of ours and exits with 1. An error says what is wrong,
where (file:line:column, a record, a program), and what to do next.
"""

from __future__ import annotations


class BridleError(Exception):
    """Base of all errors that a person or a program is meant to read.

    `where` is a place such as `pipeline.yaml:3:7`; `hint` says what to do next, as an instruction;
    `reason` is a stable kebab-case name that programs may compare.
    """

    exit_code = 1
    status = 500
    default_reason = "internal-error"

    def __init__(self, what: str, *, where: str = "", hint: str = "", reason: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.reason = reason or self.default_reason

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"\n  next: {self.hint}" if self.hint else ""
        return f"{place}{self.what}{advice}"

    def to_problem(self) -> dict[str, object]:
        """Return the error as a problem document (RFC 9457); `instance` is the place."""
        problem: dict[str, object] = {
            "type": f"urn:bridle:problem:{self.reason}",
            "title": type(self).__name__,
            "status": self.status,
            "detail": self.what,
        }
        if self.where:
            problem["instance"] = self.where
        if self.hint:
            problem["next"] = self.hint
        return problem


class InputError(BridleError):
    """Your file or request is wrong."""

    exit_code = 2
    status = 400
    default_reason = "bad-input"


class TrustError(BridleError):
    """You may not do this, or what you show does not prove what it claims."""

    exit_code = 3
    status = 403
    default_reason = "not-allowed"


class ExecutionError(BridleError):
    """It was allowed and it ran, and it failed."""

    exit_code = 4
    status = 422
    default_reason = "execution-failed"


class UnavailableError(BridleError):
    """Something that this needs is missing or does not answer."""

    exit_code = 5
    status = 503
    default_reason = "unavailable"


class WaitingError(BridleError):
    """It waits for a person and goes on when they answer."""

    exit_code = 6
    status = 202
    default_reason = "waiting-for-approval"
