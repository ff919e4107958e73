package bridle.gate

import rego.v1

# Hard stops: what no agent does on its own, and what nobody does to production without a person. The sandbox, the boundary and
# the manifests are the walls; these rules say in words what a wall would only show as a failure, and ask where a wall has a door.

deny contains {
	"rule": "stop.sensitive-read",
	"reason": "An agent does not read keys and credentials. Say which value you need; a pipeline gives it as a secret.",
} if {
	input.action.tool == "file.read"
	not by_person_or_service
	sensitive(input.action.arguments.path)
}

deny contains {
	"rule": "stop.command",
	"reason": concat(" ", [
		"An agent runs no command that changes infrastructure, publishes, or goes around a check.",
		"Write the change down; a step of a pipeline rolls it out.",
	]),
} if {
	input.action.tool == "command.run"
	not by_person_or_service
	risky(input.action.arguments.script)
}

ask contains {
	"rule": "stop.production",
	"reason": sprintf("This changes production (%s), so a person has to say yes.", [environment]),
} if {
	lasting
	input.deployment.type == "production"
}

ask contains {
	"rule": "stop.merge",
	"reason": "Merging, releasing and approving are a person's decision: an agent asks for them.",
} if {
	lasting
	not by_person_or_service
	some word in ["merge", "release", "publish", "deploy", "approve", "dismiss", "protection", "override", "bypass"]
	begins_a_word(input.action.tool, word)
}

ask contains {
	"rule": "stop.planned",
	"reason": "What cannot be undone is asked about on its own, when it is called, not as a part of a plan.",
	"alone": true,
} if {
	lasting
	input.action.effect == "destructive"
	is_object(input.plan)
}

# `merge_pull_request`, `mergePullRequest` and `pullRequestMerge`; `emergency` is another word.
begins_a_word(tool, word) if {
	some part in split(replace(replace(lower(tool), "-", "_"), ".", "_"), "_")
	startswith(part, word)
}

begins_a_word(tool, word) if {
	contains(tool, concat("", [upper(substring(word, 0, 1)), substring(word, 1, -1)]))
}

default environment := "not named"

environment := input.deployment.environment if input.deployment.environment != ""

# What something else allows, and what stays: a question must not make possible what no rule speaks for.
lasting if {
	not input.action.effect in {"read", "reversible"}
	count(allow) > 0
}

sensitive(path) if {
	is_string(path)
	some name in split(lower(path), "/")
	secret_name(name)
}

# A path that is not known is none that may be read.
sensitive(path) if not is_string(path)

secret_name(name) if {
	name in {
		".env", ".netrc", ".npmrc", ".pypirc", ".pgpass", ".git-credentials", ".htpasswd", ".ssh", ".aws", ".kube", ".gnupg",
		"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "kubeconfig", "credentials", "credentials.json", "service-account.json",
	}
}

secret_name(name) if {
	some ending in [".pem", ".key", ".pfx", ".p12", ".jks", ".keystore", ".kdbx"]
	endswith(name, ending)
}

secret_name(name) if {
	startswith(name, ".env.")
	not name in {".env.example", ".env.sample", ".env.template"}
}

risky(script) if {
	is_string(script)
	some pattern in risky_patterns
	regex.match(pattern, replace(script, "\\\n", " "))
}

risky(script) if not is_string(script)

# Where a command begins: at the start of a line, behind a separator, or behind what runs another command. Whoever hides a command
# from this is held by the sandbox, which has neither the network nor the credentials to do it.
risky_patterns := [sprintf("(^|[\n;&|(`{]|\\bsudo\\b|\\bexec\\b|\\bxargs\\b|\\benv\\b)[[:blank:]]*%s", [command]) | some command in [
	`kubectl[[:blank:]]+(\S+[[:blank:]]+)*?(apply|create|delete|drain|edit|patch|replace|scale|exec)\b`,
	`helm[[:blank:]]+(\S+[[:blank:]]+)*?(install|upgrade|uninstall|rollback)\b`,
	`(terraform|tofu|pulumi)[[:blank:]]+(\S+[[:blank:]]+)*?(apply|destroy|up|import)\b`,
	`(aws|gcloud|az|doctl)[[:blank:]]+\S`,
	`(docker|podman)[[:blank:]]+push\b`,
	`(npm|yarn|pnpm|cargo|gem|poetry|uv)[[:blank:]]+publish\b`,
	`twine[[:blank:]]+upload\b`,
	`gh[[:blank:]]+(pr[[:blank:]]+merge|release[[:blank:]]+create|secret|api)\b`,
	`git[[:blank:]]+(\S+[[:blank:]]+)*?push\b`,
	`git[[:blank:]]+commit\b.*(--no-verify|\s-n\b)`,
	`(dropdb|mkfs\S*|shutdown|reboot)\b`,
	`rm[[:blank:]]+(-\S+[[:blank:]]+)*-\S*r\S*[[:blank:]]+(-\S+[[:blank:]]+)*(/|~|\$HOME)(\s|$|\*)`,
	`(curl|wget)\b[^|[:cntrl:]]*\|[[:blank:]]*(sudo[[:blank:]]+)?(ba|z|da)?sh\b`,
]]
