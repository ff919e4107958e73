package bridle.gate

import rego.v1

# Nothing is pushed or deployed without a static analysis of exactly that: SARIF about the same commit, tree or digest, at most seven
# days old, signed by this delegate, and with no finding above medium. Not part of the base set: name this file beside it, or a copy
# with signer, age and severities of your own.

scan_signer := "delegate:local"

scan_age_s := ((7 * 24) * 60) * 60

deploying if input.action.tool == "git.push"

deploying if {
	is_object(input.deployment)
	input.action.effect in {"consequential", "destructive"}
}

about(exhibit) if exhibit.subject == concat("", ["commit:", input.action.arguments.commit])

about(exhibit) if exhibit.subject == concat("", ["tree:", input.provenance.tree])

# What a deploying tool is given by digest.
about(exhibit) if exhibit.subject == input.action.arguments.digest

# Oldest first: the last one counts, so that a newer scan with findings is not outlived by an older one without.
scans := [exhibit |
	some exhibit in input.evidence
	exhibit.type == "sarif"
	exhibit.signer == scan_signer
	about(exhibit)
]

scanned if {
	last := scans[count(scans) - 1]
	last.age_s <= scan_age_s
	last.highest in {"medium", "low", "note", ""}
	last.counts.failed_runs == 0
}

deny contains {
	"rule": "evidence.scan-missing",
	"reason": concat(" ", [
		"What is pushed or deployed needs a static analysis (SARIF) of the same commit, tree or digest,",
		"at most seven days old, signed by the delegate, with no finding above medium.",
	]),
} if {
	deploying
	not scanned
}
