package bridle.gate_test

import rego.v1

push_to(branch) := object.union(
	doc("git.push", "consequential", {"commit": "c", "branch": branch}, "git:push"),
	{"loop": first_time},
)

pushing := push_to("bridle/fix")

committing := doc("git.commit", "reversible", {"branch": "bridle/fix"}, "git:commit")

cloning := doc("git.clone", "reversible", {"branch": "main"}, "git:clone")

approval := {"approval": {"id": "apr_1", "by": "user:ben", "asserted": false, "rests_on": {}}}

verified := {"verification": {"tree": "sha256:1"}}

test_an_agent_may_not_push_before_approval if denied(pushing) == {"git.push.before-approval"}

test_a_missing_approval_is_none if {
	denied(object.remove(pushing, ["approval"])) == {"git.push.before-approval"}
}

test_a_text_is_no_approval if {
	denied(object.union(pushing, {"approval": "yes"})) == {"git.push.before-approval"}
}

test_an_agents_approved_push_asks_and_is_not_denied if {
	denied(object.union(pushing, approval)) == set()
	asked(object.union(pushing, approval)) == {"git.push.needs-approval"}
}

test_an_agent_never_pushes_to_a_protected_branch if {
	branches := [
		"main", "master", "MAIN", "trunk", "release", "production",
		"release/1.0", "release-1", "releases/2", "refs/heads/main", "heads/main",
	]
	every branch in branches {
		denied(object.union(push_to(branch), approval)) == {"git.push.protected-branch"}
	}
}

test_a_branch_that_only_begins_like_a_protected_one_is_free if {
	denied(object.union(push_to("mainline-fix"), approval)) == set()
}

test_a_branch_that_is_not_known_is_protected if {
	unknown := object.union(
		object.remove(pushing, ["action"]),
		{"action": {"tool": "git.push", "effect": "consequential", "arguments": {}}},
	)
	denied(object.union(unknown, approval)) == {"git.push.protected-branch"}
}

test_a_principal_of_an_unheard_of_kind_counts_as_an_agent if {
	denied(by(pushing, "robot")) == {"git.push.before-approval"}
}

test_a_persons_push_asks if {
	every kind in ["user", "service"] {
		denied(by(push_to("main"), kind)) == set()
		asked(by(push_to("main"), kind)) == {"git.push.needs-approval"}
	}
}

test_no_push_is_allowed_outright if {
	every kind in ["user", "service", "agent"] {
		allowed(by(object.union(pushing, approval), kind)) == set()
	}
}

test_a_push_without_the_permission_does_not_ask if {
	asked(object.union(pushing, {"scope": ["git:commit"]})) == set()
}

test_a_verified_commit_is_allowed if allowed(object.union(committing, verified)) == {"git.commit"}

test_a_commit_that_was_not_verified_is_not_allowed if allowed(committing) == set()

test_a_commit_without_the_permission_is_not_allowed if {
	allowed(object.union(committing, {"verification": {"tree": "t"}, "scope": ["git:push"]})) == set()
}

test_a_person_may_clone if allowed(by(cloning, "user")) == {"git.clone"}

test_a_service_may_clone if allowed(by(cloning, "service")) == {"git.clone"}

test_an_agent_may_not_clone if allowed(cloning) == set()

restoring := object.union(
	doc("git.restore", "consequential", {"branch": "main"}, "git:push"),
	{"undoes": {"branch": "main"}, "loop": first_time},
)

test_what_was_pushed_may_be_put_back if allowed(by(restoring, "user")) == {"git.restore"}

test_nothing_is_put_back_that_nobody_knows_of if {
	allowed(by(object.union(restoring, {"undoes": null}), "user")) == set()
}

test_an_agent_puts_nothing_back if allowed(restoring) == set()

test_nothing_is_put_back_without_the_permission if {
	allowed(by(object.union(restoring, {"scope": ["git:commit"]}), "user")) == set()
}
