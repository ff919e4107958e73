"""Facts: what the decision is made on, gathered before it and recorded with it.

The document is the policy's input as well; its shape is fixed (schema version 1):

    {
      "action":    {"tool", "arguments", "effect", "digest", "step", "execution", "purpose"},
      "principal": {"id", "kind", "name", "owner", "version", "digest", "state", "asserted"},
      "initiator": {"id", "kind", "asserted"},
      "scope":     ["file:edit", …],                      what the token allows right now
      "boundary":  {"write", "protect", "push", "network", "suite", "limits"},
      "approval":  null | {"id", "by", "asserted", "rests_on"},   an approved, unused one for this very digest
      "rests_on":  {"policy", "agent", "commit", "report"},       what an approval given now would rest on
      "verification": null | {"tree", "changed", "outside", "suite": {"tests", "failures", "errors", "exit_code"}},
      "budget":    null | {"turns", "tokens", "cost_usd"},        what is left, decimal strings for money
      "now":       "2026-01-01T00:00:00.000000Z"
    }

A fact that cannot be had is absent, never guessed; rules that need it then do not allow.
"""
