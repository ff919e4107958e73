package bridle.gate

import rego.v1

# Paths whose change is no agent's own matter: what governs delivery itself, and what changes data. Where a step may write at all
# is its boundary, which is checked in code; a commit of such a path, once it may be made, waits for a person.

ask contains {
	"rule": "paths.controls",
	"reason": sprintf("An agent changed what governs delivery itself: %s. A person has to look at it.", [concat(", ", controls)]),
} if {
	committing_alone
	count(controls) > 0
}

ask contains {
	"rule": "paths.schema",
	"reason": sprintf("An agent changed a database's schema: %s. A person has to look at it.", [concat(", ", schemas)]),
} if {
	committing_alone
	count(schemas) > 0
}

committing_alone if {
	input.action.tool == "git.commit"
	not by_person_or_service
	count(allow) > 0
}

controls := sort([path | some path in input.verification.changed; governs(lower(path))])

schemas := sort([path | some path in input.verification.changed; changes_schema(lower(path))])

governs(path) if {
	some folder in [".github/", ".gitlab/", ".circleci/", ".buildkite/", ".harness/", ".bridle/", "policies/", "agents/", "templates/", "case-types/"]
	startswith(path, folder)
}

# What an owner says of a server's tools.
governs(path) if regex.match(`(^|/)tools/[^/]+\.ya?ml$`, path)

governs(path) if {
	parts := split(path, "/")
	parts[count(parts) - 1] in {
		"codeowners", ".gitlab-ci.yml", "jenkinsfile", "azure-pipelines.yml", "bitbucket-pipelines.yml", "bridle.lock",
		"policies.yaml", "roles.yaml", "people.yaml", "servers.yaml", "limits.yaml", ".gitattributes", ".gitmodules", ".pre-commit-config.yaml", "agents.md", "claude.md",
	}
}

changes_schema(path) if {
	some part in split(path, "/")
	part in {"migrations", "migrate", "alembic", "flyway", "liquibase"}
}

changes_schema(path) if {
	some ending in [".sql", ".prisma", "schema.rb"]
	endswith(path, ending)
}
