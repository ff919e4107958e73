"""Roles without files."""

from __future__ import annotations

from dataclasses import dataclass

from bridle.trust.access import Access


@dataclass
class RolesInMemory:
    """Implements `trust.access.AccessSource`; a test changes `access`."""

    access: Access

    def read(self):
        return self.access
