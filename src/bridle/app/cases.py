"""Puts the book of cases together: what reads and judges them, without anything that could act."""

from __future__ import annotations

from bridle.app.folders import case_roots, open_roles
from bridle.app.store import Store
from bridle.gate.external import Catalogue
from bridle.gate.gate import Gate
from bridle.gate.manifest import Manifests
from bridle.operating.cases.book import CaseBook
from bridle.operating.cases.case_type import CaseType
from bridle.operating.cases.casework import Casework
from bridle.operating.cases.desk import CaseDesk
from bridle.operating.cases.escalating import Escalation
from bridle.operating.cases.parking import CaseParking
from bridle.operating.cases.shelf import load_case_type
from bridle.operating.cases.telling import Teller
from bridle.trust.principals import Place
from bridle.trust.redaction import Redactor


def build_teller(store: Store) -> Teller:
    """Return what tells a case whole."""
    return Teller(
        journal=store.journal, approvals=store.approvals, sessions=store.sessions, clock=store.clock
    )


def build_book(store: Store, manifests: Manifests | None = None) -> CaseBook:
    """Return the book of a store's cases. Without `manifests` it is for reading: it knows no tool of a server."""
    roles = open_roles(store.settings)

    def find_type(name: str) -> CaseType:
        return load_case_type(name, roots=case_roots())

    def names_of(principal: str, place: Place) -> frozenset[str]:
        return roles.read().names_of(principal, place)

    return CaseBook(
        journal=store.journal,
        principals=store.principals,
        manifests=manifests or Catalogue(),
        clock=store.clock,
        redactor=Redactor(),
        find_type=find_type,
        names_of=names_of,
        teller=build_teller(store),
    )


def build_cases(store: Store, book: CaseBook, gate: Gate) -> Casework:
    """Return what acts on cases through the gate."""
    desk = CaseDesk(
        gate=gate,
        journal=store.journal,
        principals=store.principals,
        approvals=store.approvals,
        clock=store.clock,
        project=store.settings.project,
    )
    parking = CaseParking(desk, book, store.cases)
    escalation = Escalation(desk=desk, book=book, cases=store.cases, clock=store.clock)
    return Casework(store.cases, book, desk, parking, escalation)
