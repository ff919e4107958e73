"""What the build reads from elsewhere, so that each thing is written in one place.

The runtime dependencies come from requirements/runtime.in. The wheel carries agents, policies, samples, templates and the
requirements of the sandbox's toolchain below `bridle/shipped`; an editable installation reads them where they lie.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

SHIPPED = ("agents", "policies", "samples", "templates", "requirements/toolchain.txt")


class Dependencies(MetadataHookInterface):
    """Fills `dependencies` of the project's metadata."""

    def update(self, metadata: dict) -> None:
        lines = (Path(self.root) / "requirements" / "runtime.in").read_text().splitlines()
        wanted = (line.split("#")[0].strip() for line in lines)
        metadata["dependencies"] = [line for line in wanted if line]


class Shipped(BuildHookInterface):
    """Adds what ships beside the code to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        for name in SHIPPED:
            build_data["force_include"][str(Path(self.root) / name)] = f"bridle/shipped/{Path(name).name}"
