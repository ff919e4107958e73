package bridle.gate

import rego.v1

# Spend: one payment above a limit asks, and so does one that takes the case above its total. What may have been paid counts. The
# account names the tools, the argument and both limits, in the argument's own unit:
# facts {payout_tools: [mcp.shop.pay], amount_argument: amount, payout_limit: 50, case_limit: 200}.

ask contains {
	"rule": "running-total.over-limit",
	"reason": sprintf("This pays %v; above %v a person has to say yes.", [total_wanted, input.account.payout_limit]),
} if {
	total_concerned
	total_wanted > total_number(input.account.payout_limit)
}

ask contains {
	"rule": "running-total.case",
	"reason": sprintf("With this the case comes to %v; above %v a person has to say yes.", [total_after, input.account.case_limit]),
} if {
	total_concerned
	total_after > total_number(input.account.case_limit)
}

ask contains {
	"rule": "running-total.not-known",
	"reason": "What this pays, or what the case has paid before, is not known as a number that is not negative.",
} if {
	total_concerned
	not total_known
}

total_concerned if input.action.tool in input.account.payout_tools

total_known if total_after >= 0

total_wanted := total_number(object.get(input.action, "control", input.action.arguments)[input.account.amount_argument])

total_after := total_wanted + sum(total_before) if count(total_before) == count(total_payments)

total_before := [amount |
	some deed in total_payments
	amount := total_number(deed.arguments[input.account.amount_argument])
]

total_payments := [deed |
	some deed in input.history
	deed.tool in input.account.payout_tools
	deed.status in {"begun", "succeeded", "unknown"}
] if is_array(input.history)

total_number(value) := value if {
	is_number(value)
	value >= 0
}

total_number(value) := to_number(value) if {
	is_string(value)
	regex.match(`^[0-9]{1,12}(\.[0-9]{1,6})?$`, value)
}
