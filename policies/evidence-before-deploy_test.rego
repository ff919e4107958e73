package bridle.gate_evidence_before_deploy_test

import rego.v1

import data.bridle.gate

denied(document) if "evidence.scan-missing" in {finding.rule | some finding in gate.deny with input as document}

commit := "3f786850e387550fdab836ed7e6dc881de23001b"

scan := {
	"type": "sarif",
	"subject": concat("", ["commit:", commit]),
	"signer": "delegate:local",
	"age_s": 60,
	"highest": "medium",
	"counts": {"failed_runs": 0, "medium": 2},
}

pushing(evidence) := {
	"action": {"tool": "git.push", "effect": "consequential", "arguments": {"commit": commit}},
	"provenance": {"tree": "sha256:aa"},
	"deployment": null,
	"evidence": evidence,
}

deploying(digest, evidence) := {
	"action": {"tool": "mcp.ops.deploy", "effect": "consequential", "arguments": {"digest": digest}},
	"deployment": {"type": "production"},
	"evidence": evidence,
}

with_scan(change) := pushing([object.union(scan, change)])

test_a_scan_of_the_commit_is_enough if not denied(pushing([scan]))

test_a_scan_of_its_tree_is_enough if not denied(with_scan({"subject": "tree:sha256:aa"}))

test_a_scan_of_what_is_deployed_is_enough if {
	not denied(deploying("sha256:bb", [object.union(scan, {"subject": "sha256:bb"})]))
}

test_no_scan_is_not if denied(pushing([]))

test_evidence_that_nobody_can_tell_is_not if denied(object.remove(pushing([]), ["evidence"]))

test_a_scan_of_something_else_is_not if {
	denied(with_scan({"subject": "commit:0000000000000000000000000000000000000000"}))
	denied(deploying("sha256:bb", [scan]))
}

test_seven_days_are_the_limit if {
	not denied(with_scan({"age_s": 604800}))
	denied(with_scan({"age_s": 604801}))
}

test_another_signer_is_not if denied(with_scan({"signer": "user:ana"}))

test_another_type_is_not if denied(with_scan({"type": "junit"}))

test_a_finding_above_medium_is_too_much if {
	denied(with_scan({"highest": "high"}))
	denied(with_scan({"highest": "critical"}))
	denied(with_scan({"highest": "unheard of"}))
}

test_a_run_that_failed_is_no_scan if denied(with_scan({"counts": {"failed_runs": 1}}))

test_the_last_scan_counts if {
	denied(pushing([scan, object.union(scan, {"highest": "high"})]))
	not denied(pushing([object.union(scan, {"highest": "high"}), scan]))
}

test_what_only_reads_is_not_its_business if {
	not denied(object.union(deploying("sha256:bb", []), {"action": {"effect": "read"}}))
}
