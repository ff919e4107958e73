package bridle.gate_running_total_test

import rego.v1

import data.bridle.gate

asked(document) := {finding.rule | some finding in gate.ask with input as document; startswith(finding.rule, "running-total.")}

paying(amount, history) := {
	"action": {"tool": "mcp.shop.pay", "arguments": {"amount": amount}},
	"account": {"payout_tools": ["mcp.shop.pay"], "amount_argument": "amount", "payout_limit": 50, "case_limit": "100.00"},
	"history": history,
}

paid(amount, status) := {"tool": "mcp.shop.pay", "status": status, "arguments": {"amount": amount}}

test_a_payment_within_both_limits_passes if {
	asked(paying(50, [paid(30, "succeeded"), paid("20.00", "succeeded")])) == set()
}

test_a_payment_above_the_limit_asks if asked(paying("50.01", [])) == {"running-total.over-limit"}

test_a_payment_that_takes_the_case_above_its_total_asks if {
	asked(paying(41, [paid(40, "succeeded"), paid(20, "succeeded")])) == {"running-total.case"}
}

test_what_may_have_been_paid_counts if {
	every status in ["begun", "succeeded", "unknown"] {
		asked(paying(41, [paid(60, status)])) == {"running-total.case"}
	}
}

test_what_was_not_paid_does_not if {
	every status in ["asked", "denied", "failed"] {
		asked(paying(41, [paid(60, status)])) == set()
	}
}

test_an_amount_that_is_no_number_asks if {
	every amount in ["-5", -5, "5 EUR", "1e3", null, {}, "", "٣"] {
		"running-total.not-known" in asked(paying(amount, []))
	}
}

test_an_earlier_amount_that_is_no_number_asks if {
	"running-total.not-known" in asked(paying(5, [paid("-100", "succeeded")]))
	"running-total.not-known" in asked(paying(5, [{"tool": "mcp.shop.pay", "status": "begun", "arguments": {}}]))
}

test_a_history_that_is_not_known_asks if {
	"running-total.not-known" in asked(paying(5, null))
	"running-total.not-known" in asked(object.remove(paying(5, []), ["history"]))
}

test_what_pays_nothing_is_not_its_business if {
	asked(object.union(paying(5000, null), {"action": {"tool": "mcp.shop.find"}})) == set()
}
