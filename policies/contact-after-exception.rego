package bridle.gate

import rego.v1

# No customer contact after an exception until it is released. The account names the tools: facts {contact_tools: [mcp.mail.send],
# exception_tools: [mcp.claims.raise], release_tools: [mcp.claims.release]}. An exception counts as soon as it was tried; a release
# only once it has succeeded.

deny contains {
	"rule": "contact-after-exception.held",
	"reason": "This case has an exception that was not released: nobody writes to the customer until it is.",
} if {
	contact_concerned
	contact_last_exception >= 0
	contact_last_exception > contact_last_release
}

ask contains {
	"rule": "contact-after-exception.not-known",
	"reason": "What happened before in this case is not known, so nobody can tell whether there is an exception.",
} if {
	contact_concerned
	not is_array(input.history)
}

contact_history := input.history if is_array(input.history)

contact_concerned if input.action.tool in input.account.contact_tools

contact_last_exception := max(contact_exceptions)

contact_exceptions := [number |
	deed := contact_history[number]
	deed.tool in input.account.exception_tools
	deed.status in {"begun", "succeeded", "unknown"}
]

default contact_last_release := -1

contact_last_release := max(contact_releases)

contact_releases := [number |
	deed := contact_history[number]
	deed.tool in input.account.release_tools
	deed.status == "succeeded"
]
