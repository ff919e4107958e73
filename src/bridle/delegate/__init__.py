"""The worker inside the perimeter: it touches the outside, holds the credentials, and believes nobody.

Imports `dispatch.protocol`, `trust.{keys, tokens, secrets, redaction}` and `core`; never the store, the journal, the policy,
the engine or the operating model.
"""
