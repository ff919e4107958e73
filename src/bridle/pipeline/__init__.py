"""YAML text to a Plan: pure, so that a pipeline can be judged without running any of it.

| file | meaning |
|---|---|
| `document` | text to a tree of nodes, each with its line and column; limits |
| `complaint`, `nodes` | what is wrong and where; the tree |
| `vocabulary` | the tables of known keys |
| `shapes`, `schema` | what may stand under each key; the JSON Schema made from it |
| `formatting`, `respelling`, `layout`, `marks` | the canonical form of a file, and the proof that it says the same |
| `fields` | typed access to the keys of one noun |
| `read`, `stages`, `steps`, `kinds`, `approvals`, `strategies`, `failures`, `declared`, `names`, `spots` | nodes to the plan |
| `library`, `templates` | what `uses` names, put in place |
| `outline`, `reach`, `checks`, `order`, `targets` | what only the whole pipeline can tell: references, order, duplicates |
| `syntax`, `cursor`, `parser` | the expression language: text to a tree |
| `functions`, `lookup`, `values`, `evaluation`, `expressions`, `conditions` | the tree to a value |
| `plugins` | the `with` of a run step as PLUGIN_* variables |
| `runtime_inputs` | `<+input>` and its modifiers |
| `plan`, `tree` | what runs, frozen: the plan and its nodes |
| `strategy`, `failure` | cells of a matrix or loop; what follows a failure: pure choices over records |
| `inputs` | the values of one run |
| `durations`, `statuses` | the dialect's words for time and for states |

Use `read.read_pipeline`, `inputs.resolve_inputs`, `expressions.render`, `conditions.evaluate_condition`.
"""
