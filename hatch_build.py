"""Reads the runtime dependencies from requirements/runtime.in, so that they are written in one place."""

from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Dependencies(MetadataHookInterface):
    """Fills `dependencies` of the project's metadata."""

    def update(self, metadata: dict) -> None:
        lines = (Path(self.root) / "requirements" / "runtime.in").read_text().splitlines()
        wanted = (line.split("#")[0].strip() for line in lines)
        metadata["dependencies"] = [line for line in wanted if line]
