package bridle.gate_approval_before_payout_test

import rego.v1

import data.bridle.gate

asks(document) if "approval-before-payout.missing" in {finding.rule | some finding in gate.ask with input as document}

paying(history) := {
	"action": {"tool": "mcp.shop.pay", "arguments": {"order": "A-1"}},
	"account": {"payout_tools": ["mcp.shop.pay"], "approval_tools": ["mcp.claims.approve"], "order_argument": "order"},
	"history": history,
}

approved(order, status) := {"tool": "mcp.claims.approve", "status": status, "arguments": {"order": order}}

test_without_an_approval_a_person_is_asked if asks(paying([]))

test_an_approval_of_this_order_is_enough if not asks(paying([approved("A-1", "succeeded")]))

test_an_approval_of_another_order_is_none if asks(paying([approved("A-2", "succeeded")]))

test_an_approval_that_did_not_come_about_is_none if {
	every status in ["asked", "begun", "denied", "failed", "unknown"] {
		asks(paying([approved("A-1", status)]))
	}
}

test_a_history_that_is_not_known_holds_none if {
	asks(paying(null))
	asks(object.remove(paying([]), ["history"]))
}

test_what_pays_nothing_is_not_its_business if {
	not asks(object.union(paying([]), {"action": {"tool": "mcp.shop.find"}}))
}
