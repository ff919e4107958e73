"""The library port: where templates and other pipelines come from. Reading a file is not this package's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bridle.core.errors import InputError


@dataclass(frozen=True)
class Volume:
    """One version of one template, pipeline or agent. `digest` is over its text; `draft` marks a version that nobody approved.

    A pipeline that is a file of the same repository has no version.
    """

    name: str
    version: str
    text: str | bytes
    source: str
    digest: str
    draft: bool = False
    agent: bool = False

    @property
    def pin(self) -> str:
        """Return `name@version`, as a plan's lock names it; a draft is never taken for the version that it may become."""
        named = f"{self.name}@{self.version}" if self.version else self.name
        return f"{named} draft" if self.draft else named


class Library(Protocol):
    """Finds what `uses:` names."""

    def find(self, uses: str, *, branch: str = "") -> Volume:
        """Return the template that `uses` means, on a branch as a draft; raise InputError when there is none, or when a lock
        says otherwise."""
        ...

    def find_pipeline(self, uses: str) -> Volume:
        """Return the pipeline that `uses` means: one of the repository's own, else a template that holds one.

        A library that keeps no pipelines apart has them among its templates.
        """
        return self.find(uses)

    def find_inputs(self, name: str) -> str:
        """Return the text of the input set of a name; raise InputError when there is none."""
        raise InputError(
            f"there is no input set {name[:80]!r}",
            reason="unknown-input-set",
            hint=f"put it into input-sets/{name[:80]}.yaml at the top of the repository",
        )


class EmptyLibrary(Library):
    """Has nothing: for text that has no folder around it."""

    def find(self, uses: str, *, branch: str = "") -> Volume:
        raise InputError(
            f"there is no template {uses!r}",
            reason="unknown-template",
            hint="put it into templates/<name>/<version>.yaml beside the pipeline",
        )
