"""Models: recorded and scripted ones from a file, live ones at a provider. Used by the delegate's root alone.

| name | what answers |
|---|---|
| `recorded:FILE` | turns played from a recording, each checked against the request it was recorded for |
| `scripted:FILE` | turns written by hand, played in order |
| `anthropic:MODEL`, `openai:MODEL`, `bedrock:MODEL` | the provider, with its key from the vault |
| `openai:MODEL@URL` | anything that speaks OpenAI's chat completions at that URL |
"""
