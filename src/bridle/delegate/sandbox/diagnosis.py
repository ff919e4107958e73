"""What bubblewrap's refusals mean, and what somebody has to do about each.

The first line of the table that fits is the answer; what fits none is passed on as it was said. Settings of the kernel
that are known to cause a refusal are read, so that the advice names the one that is in force here.
"""

from __future__ import annotations

from pathlib import Path

from bridle.delegate.sandbox.policy import SandboxUnavailable

_USER_NAMESPACES = ("namespace", "uid map", "gid map", "setgroups", "userns")

# A setting of the kernel, the value that forbids user namespaces, and the way out.
_SETTINGS: tuple[tuple[str, str, str], ...] = (
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "give bwrap an AppArmor profile (Ubuntu: apt-get install apparmor-profiles, then link "
        "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict into /etc/apparmor.d and reload apparmor), "
        "or: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"),
)
_IN_CONTAINER = (
    "allow user namespaces; a container has to be started with them permitted (seccomp and AppArmor)"
)
_SAYINGS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("unknown option",),
        "program-too-old",
        "install a bubblewrap with --bind-fd and --disable-userns: 0.10 or later, or a distribution's 0.8 or 0.9 "
        "with its security updates",
    ),
    (
        ("mount proc",),
        "proc-masked",
        "start the container with an unmasked /proc (--security-opt systempaths=unconfined)",
    ),
    (
        ("seccomp",),
        "seccomp-refused",
        "reinstall Bridle; when that does not help, this kernel has no seccomp filters",
    ),
)


def explain_failure(said: str, *, proc: Path = Path("/proc/sys")) -> SandboxUnavailable:
    """Return the error for what bubblewrap wrote before it gave up."""
    lowered = said.lower()
    what = f"bubblewrap refused: {said.splitlines()[-1] if said else 'it ended without a word'}"
    for marks, reason, hint in _SAYINGS:
        if any(mark in lowered for mark in marks):
            return SandboxUnavailable(what, where="bwrap", hint=hint, reason=reason)
    if any(mark in lowered for mark in _USER_NAMESPACES):
        return SandboxUnavailable(
            what, where="bwrap", hint=_advise_namespaces(proc), reason="user-namespaces-refused"
        )
    return SandboxUnavailable(what, where="bwrap", hint="run `bridle doctor` and read bubblewrap's message")


def _advise_namespaces(proc: Path) -> str:
    for name, forbidding, hint in _SETTINGS:
        setting = proc / name
        if setting.exists() and setting.read_text(encoding="ascii").strip() == forbidding:
            return hint
    return _IN_CONTAINER
