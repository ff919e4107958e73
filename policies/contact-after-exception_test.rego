package bridle.gate_contact_after_exception_test

import rego.v1

import data.bridle.gate

denied(document) if "contact-after-exception.held" in {finding.rule | some finding in gate.deny with input as document}

asks(document) if "contact-after-exception.not-known" in {finding.rule | some finding in gate.ask with input as document}

writing(history) := {
	"action": {"tool": "mcp.mail.send"},
	"account": {"contact_tools": ["mcp.mail.send"], "exception_tools": ["mcp.claims.raise"], "release_tools": ["mcp.claims.release"]},
	"history": history,
}

raised(status) := {"tool": "mcp.claims.raise", "status": status}

released(status) := {"tool": "mcp.claims.release", "status": status}

test_without_an_exception_one_writes if {
	not denied(writing([released("succeeded")]))
	not asks(writing([]))
}

test_after_an_exception_nobody_writes if {
	every status in ["begun", "succeeded", "unknown"] {
		denied(writing([raised(status)]))
	}
}

test_a_release_lets_one_write_again if not denied(writing([raised("succeeded"), released("succeeded")]))

test_a_release_that_did_not_come_about_does_not if {
	every status in ["asked", "begun", "denied", "failed", "unknown"] {
		denied(writing([raised("succeeded"), released(status)]))
	}
}

test_a_release_before_the_exception_does_not_count if denied(writing([released("succeeded"), raised("succeeded")]))

test_a_history_that_is_not_known_asks if {
	asks(writing(null))
	asks(object.remove(writing([]), ["history"]))
}

test_what_writes_to_nobody_is_not_its_business if {
	not denied(object.union(writing([raised("succeeded")]), {"action": {"tool": "mcp.shop.find"}}))
}
