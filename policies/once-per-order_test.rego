package bridle.gate_once_per_order_test

import rego.v1

import data.bridle.gate

denied(document) if "once-per-order.repeated" in {finding.rule | some finding in gate.deny with input as document}

asks(document) if "once-per-order.not-known" in {finding.rule | some finding in gate.ask with input as document}

paying(order, history) := {
	"action": {"tool": "mcp.shop.pay", "arguments": {"order": order}},
	"account": {"payout_tools": ["mcp.shop.pay"], "order_argument": "order"},
	"history": history,
}

paid(order, status) := {"tool": "mcp.shop.pay", "status": status, "arguments": {"order": order}}

test_a_first_payment_passes if {
	not denied(paying("A-1", [paid("A-2", "succeeded")]))
	not asks(paying("A-1", []))
}

test_a_second_one_is_denied_also_when_the_first_only_may_have_happened if {
	every status in ["begun", "succeeded", "unknown"] {
		denied(paying("A-1", [paid("A-1", status)]))
	}
}

test_what_did_not_happen_does_not_count if {
	every status in ["asked", "denied", "failed"] {
		not denied(paying("A-1", [paid("A-1", status)]))
	}
}

test_what_is_not_known_asks if {
	asks(paying("A-1", null))
	asks(paying(null, []))
	asks(object.remove(paying("A-1", []), ["history"]))
}

test_an_order_may_be_a_number if denied(paying(7, [paid(7, "succeeded")]))

test_what_pays_nothing_is_not_its_business if {
	not asks(object.union(paying("A-1", null), {"action": {"tool": "mcp.shop.find"}}))
}
