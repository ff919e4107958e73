package bridle.gate

import rego.v1

# Commits and branches. That a commit holds only what may change, and that its suite is green, was checked in code.

allow contains {
	"rule": "git.clone",
	"reason": "A person or service may put a branch into the workspace.",
} if {
	active
	input.action.tool == "git.clone"
	by_person_or_service
	holds("git:clone")
}

allow contains {
	"rule": "git.commit",
	"reason": "A verified change may be committed to the step's own branch.",
} if {
	active
	input.action.tool == "git.commit"
	input.verification.tree
	holds("git:commit")
}

deny contains {
	"rule": "git.push.before-approval",
	"reason": "An agent may push only what a person has approved. Finish your work and say what you have done.",
} if {
	pushing
	not by_person_or_service
	not approved
}

deny contains {
	"rule": "git.push.protected-branch",
	"reason": "An agent never pushes to main, master or a release branch, approved or not. Use your own branch.",
} if {
	pushing
	not by_person_or_service
	not unprotected(input.action.arguments.branch)
}

ask contains {
	"rule": "git.push.needs-approval",
	"reason": "Moving a branch of the origin needs a person's approval.",
} if {
	active
	pushing
	holds("git:push")
}

allow contains {
	"rule": "git.restore",
	"reason": "What the execution that is rolled back has pushed may be put back while nobody has built upon it.",
} if {
	active
	input.action.tool == "git.restore"
	by_person_or_service
	is_object(input.undoes)
	holds("git:push")
}

pushing if input.action.tool == "git.push"

# An approval is an object; null and an absent one are none.
approved if is_object(input.approval)

# Told by what a branch is not, so that a branch that is not known counts as protected. A name that spells out its
# place among the references could mean a protected branch, so it counts as one.
unprotected(branch) if {
	is_string(branch)
	name := lower(branch)
	not name in {"main", "master", "trunk", "release", "production"}
	not reserved_prefix(name)
}

reserved_prefix(name) if {
	some prefix in ["release/", "release-", "releases/", "refs/", "heads/"]
	startswith(name, prefix)
}
