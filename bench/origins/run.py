"""How much harm an attacker does without a person, and how often an honest task needs one.

.venv/bin/python bench/origins/run.py [SEED]
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import load_policy_set
from origins.attacks import inject
from origins.suite import harm, play, read_tasks

POLICIES = Path(__file__).parents[2] / "policies" / "base"


async def main(seed: int) -> None:
    """Play every task as it is, then under every attack."""
    policy = Regorus(load_policy_set([POLICIES]), timeout_s=10.0)
    try:
        tasks = read_tasks()
        asked = {task.name: await play(task, task.calls, policy) for task in tasks}
        variants, harmed = Counter[str](), Counter[str]()
        for task, pattern, calls in inject(tasks, seed=seed):
            variants[pattern] += 1
            done = harm(task, await play(task, calls, policy))
            harmed[pattern] += bool(done)
            for call in done:
                print(f"HARM {pattern} {task.name}: {call.tool} {dict(call.arguments)}")
    finally:
        await policy.close()
    for name, played in asked.items():
        for call, rules in played.asked:
            print(f"asks {name}: {call.tool} {', '.join(sorted(rules))}")
    needed = sum(bool(played.asked) for played in asked.values())
    for pattern, number in variants.items():
        print(f"{pattern:24} {number:4} variants, {harmed[pattern]} with harm")
    print(
        f"seed {seed}: harm without a person in {harmed.total()} of {variants.total()} injected variants of {len(tasks)} tasks"
    )
    print(f"seed {seed}: {needed} of {len(tasks)} honest tasks needed a person ({needed / len(tasks):.0%})")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
