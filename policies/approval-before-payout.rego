package bridle.gate

import rego.v1

# Approval before payout: what pays for an order asks a person, unless a tool of the house that approves has said so before, for the
# same order, in the same case. The account names both: facts {payout_tools: [mcp.shop.pay], approval_tools: [mcp.claims.approve],
# order_argument: order}. A history that is not known holds no approval.

ask contains {
	"rule": "approval-before-payout.missing",
	"reason": "Nothing in this case has approved this payment, so a person has to.",
} if {
	input.action.tool in input.account.payout_tools
	not payout_approved
}

payout_approved if {
	is_array(input.history)
	some deed in input.history
	deed.tool in input.account.approval_tools
	deed.status == "succeeded"
	deed.arguments[input.account.order_argument] == input.action.arguments[input.account.order_argument]
}
