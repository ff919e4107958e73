package bridle.gate_test

import rego.v1

changing(paths) := object.union(committing, {"verification": {"tree": "t", "changed": paths}})

test_a_change_of_what_governs_delivery_asks if {
	every path in [".github/workflows/ci.yml", "CODEOWNERS", "docs/CODEOWNERS", "policies/house.rego", "bridle.lock", "agents/x.md", "tools/shop.yaml", "shop/tools/crm.yml", "servers.yaml"] {
		asked(changing(["src/a.py", path])) == {"paths.controls"}
	}
}

test_a_change_of_a_schema_asks if {
	every path in ["db/migrations/0007_x.py", "alembic/versions/x.py", "schema.sql", "prisma/schema.prisma"] {
		asked(changing([path])) == {"paths.schema"}
	}
}

test_the_paths_are_named if {
	some finding in gate.ask with input as changing(["b.sql", "a.sql", "c.py"])
	contains(finding.reason, "a.sql, b.sql.")
}

test_an_ordinary_change_does_not_ask if {
	asked(changing(["src/a.py", "docs/policies.md", "tests/agents/x.py", "src/migration.py", "tools/build.py"])) == set()
}

test_a_persons_change_does_not_ask if asked(by(changing(["CODEOWNERS"]), "user")) == set()

test_a_commit_that_nothing_allows_is_not_asked_about if {
	asked(object.union(changing(["CODEOWNERS"]), {"scope": []})) == set()
}
