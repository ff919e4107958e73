"""YAML text to a Plan: pure, so that a pipeline can be judged without running any of it.

| file | meaning |
|---|---|
| `document` | text to a tree of nodes, each with its line and column; limits |
| `complaint`, `nodes` | what is wrong and where; the tree |
| `vocabulary` | the tables of known keys |
| `fields` | typed access to the keys of one noun |
| `read`, `stages`, `kinds`, `approvals`, `failures`, `declared` | nodes to the records of `plan` |
| `outline`, `checks`, `targets` | what only the whole pipeline can tell: references, order, duplicates |
| `syntax`, `cursor`, `parser` | the expression language: text to a tree |
| `functions`, `lookup`, `values`, `evaluation`, `expressions`, `conditions` | the tree to a value |
| `plan` | what runs, frozen |
| `inputs` | the values of one run |
| `durations`, `statuses` | the dialect's words for time and for states |

Use `read.read_pipeline`, `inputs.resolve_inputs`, `expressions.render`, `conditions.evaluate_condition`.
"""
