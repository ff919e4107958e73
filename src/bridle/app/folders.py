"""What lies in folders: what ships, what a project brings, who the people are, the sample."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bridle.adapters.limits.file import LimitsFile
from bridle.adapters.models.connect import open_turns as read_turns
from bridle.adapters.people.folder import PeopleFolder
from bridle.adapters.people.roles import RolesFile
from bridle.adapters.rego.binding_file import FILE as BINDING_FILE
from bridle.adapters.rego.binding_file import read_bindings
from bridle.adapters.rego.bound import BoundPolicy
from bridle.adapters.rego.opa import OpaServer
from bridle.adapters.rego.policy_set import list_policies, load_policy_set
from bridle.adapters.rego.testing import check_set, load_suites, run_suite
from bridle.adapters.templates.branch import BranchTree
from bridle.adapters.templates.library import FolderLibrary
from bridle.adapters.templates.tree import DiskTree
from bridle.agent.shelf import find_top, list_roots
from bridle.core.errors import InputError, TrustError, UnavailableError
from bridle.core.settings import Settings
from bridle.operating.cases.shelf import list_case_roots
from bridle.trust.bindings import Binding
from bridle.trust.people import Person
from bridle.trust.permissions import holds
from bridle.trust.policy_tests import SuiteReport
from bridle.trust.registry import MANAGE

POLICY_TIMEOUT_S = (
    5.0  # a busy machine must not turn an answer into a recorded denial; a rule that hangs is still cut off
)


def shipped(name: str) -> Path:
    """Return the folder `agents`, `policies`, `samples` or `templates`: in the package when installed, else in the checkout."""
    inside = Path(__file__).parents[1] / "shipped" / name
    beside = Path(__file__).parents[3] / name
    for folder in (inside, beside):
        if folder.is_dir():
            return folder
    raise UnavailableError(f"the shipped folder {name!r} is missing", hint="install bridle again")


def turn_folders() -> tuple[Path, ...]:
    """Return where the file of turns of a model is looked for."""
    return (Path.cwd(), find_top(Path.cwd()), shipped("samples"))


def open_turns(name: str) -> None:
    """Read the turns of a model that plays them from a file; raise InputError when that cannot be done."""
    read_turns(name, folders=turn_folders())


def open_policy(settings: Settings) -> BoundPolicy:
    """Make the account's policy: the base set, what is asked of everyone, what is bound; the caller starts and closes it."""
    always = [shipped("policies") / "base", *settings.policies]
    asked = {path.name for path in always}
    file = read_bindings(settings.config_dir / BINDING_FILE, shipped=shipped("policies"), asked=asked)
    names = asked & set(file.paths)
    if names:
        what = f"{', '.join(sorted(names))} is asked of everyone already"
        raise InputError(
            what, where=str(settings.config_dir / BINDING_FILE), hint="bind it, or name it in BRIDLE_POLICIES"
        )
    return BoundPolicy(
        load_policy_set(always),
        bindings=file.bindings,
        sets={name: load_policy_set([path]).modules for name, path in file.paths.items()},
        account=file.account,
        timeout_s=POLICY_TIMEOUT_S,
        external=(lambda digest: open_opa(settings, digest)) if settings.opa else None,
    )


def open_bindings(settings: Settings) -> tuple[Binding, ...]:
    """Return which policy sets the account binds where."""
    return read_bindings(settings.config_dir / BINDING_FILE, shipped=shipped("policies")).bindings


def open_opa(settings: Settings, digest: str) -> OpaServer:
    """Make the client of the account's OPA server; raise InputError when its address is none."""
    return OpaServer(settings.opa, digest=digest, token=settings.opa_token, timeout_s=POLICY_TIMEOUT_S)


def test_policies(settings: Settings, paths: Sequence[Path]) -> list[SuiteReport]:
    """Run the tests of the policies at `paths`, or of all that ship and the account's; raise InputError for what cannot run."""
    folder = shipped("policies")
    found = [*paths] or [*list_policies(folder), *settings.policies]
    suites = load_suites(found, base=folder / "base")
    return [run_suite(suite, timeout_s=POLICY_TIMEOUT_S) for suite in suites]


def check_policies(settings: Settings, path: Path) -> list[str]:
    """Load a Rego file, or one that binds sets, as it would decide; raise InputError, or return what is doubtful."""
    if path.name != BINDING_FILE:
        check_set(path, base=shipped("policies") / "base", timeout_s=POLICY_TIMEOUT_S)
        return []

    policy = open_policy(replace(settings, config_dir=path.resolve().parent, opa=""))

    async def load() -> list[str]:
        try:
            await policy.start()
            unsupplied = policy.list_unsupplied()
        finally:
            await policy.close()
        return [f"{one.rule} asks: nobody supplies {', '.join(names)}" for one, names in unsupplied]

    return asyncio.run(load())


def agent_roots() -> tuple[Path, ...]:
    """Return the folders in which this process seeks agents, in its order."""
    return list_roots(Path.cwd(), shipped=shipped("agents"))


def case_roots() -> tuple[Path, ...]:
    """Return the folders in which this process seeks case types, in its order."""
    return list_case_roots(Path.cwd(), shipped=shipped("samples") / "cases" / "case-types")


def open_library(folder: Path) -> FolderLibrary:
    """Return what a pipeline file in `folder` finds: the templates of its repository, then those that ship."""
    top = find_top(folder)
    trees = (DiskTree(top), DiskTree(shipped("templates").parent, label="shipped:"))
    return FolderLibrary(trees, open_branch=lambda branch: BranchTree(top, branch))


def open_people(settings: Settings) -> PeopleFolder:
    """Return the people of this installation, as the configuration folder has them."""
    return PeopleFolder(settings.config_dir)


def add_person(
    settings: Settings, name: str, *, account: str, groups: Sequence[str], attributes: Sequence[str]
) -> Person:
    """Add a person, or change who is there; raise TrustError unless the operating system's user manages principals.

    Whoever owns the folder could write the file by hand: this keeps those from it by mistake who have a lesser role here.
    """
    user = f"user:{getpass.getuser()}"
    if not holds(open_roles(settings).read().permissions_of(user), MANAGE):
        raise TrustError(
            f"{user} does not hold {MANAGE}",
            hint=f"bridle roles check {user} {MANAGE}",
            reason="permission-missing",
        )
    return open_people(settings).add(name, account=account, groups=groups, attributes=attributes)


def open_roles(settings: Settings) -> RolesFile:
    """Return the roles of this installation, as the configuration folder has them."""
    return RolesFile(settings.config_dir, user=f"user:{getpass.getuser()}")


def open_limits(settings: Settings) -> LimitsFile:
    """Return the limits of this installation, as the configuration folder has them."""
    return LimitsFile(settings.config_dir)


def prepare_sample(settings: Settings) -> Path:
    """Make the sample's origin anew, as it was released, and return its path."""
    from bridle.adapters.index.sample import prepare_autofix_origin

    return prepare_autofix_origin(settings, fresh=True).path


def find_sample(settings: Settings) -> Path | None:
    """Return the sample's archive when it lies in the cache, whole; fetch nothing."""
    from bridle.adapters.index.sample import find_autofix_archive

    return find_autofix_archive(settings)
