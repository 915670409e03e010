package main

import (
	"context"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/audit"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/filter"
)

// allRules stands for every rule.
const allRules = "all"

// auditedBy audits the logs of candidates. What is high counts: it happened,
// where the rest was only tried or may well be harmless.
func (f filtering) auditedBy(logs map[string]entry) (func(context.Context, filter.Candidate) ([]string, error), error) {
	facts, err := auditFacts(f.Tasks)
	if err != nil {
		return nil, err
	}
	base := audit.Options{Memo: behaviour.NewMemo(16 << 20)}
	for _, r := range f.Audit {
		if r != allRules {
			base.Rules = append(base.Rules, audit.Rule(r))
		}
	}
	if slices.Contains(f.Audit, allRules) {
		base.Rules = nil
	}
	return func(_ context.Context, c filter.Candidate) ([]string, error) {
		log, err := logs[c.Name].Open()
		if err != nil {
			return nil, err
		}
		opts := base
		if opts.Facts, err = facts(c.Summary.Task); err != nil {
			return nil, err
		}
		findings, err := audit.Audit(log, opts)
		if err != nil {
			return nil, err
		}
		var flags []string
		for _, found := range findings {
			if found.Severity == audit.High {
				flags = append(flags, string(found.Rule))
			}
		}
		return flags, nil
	}, nil
}

// checkAudit refuses rules that are none.
func (f filtering) checkAudit(given func(flag string) bool) error {
	names := strings.Join(ruleNames(), ", ")
	for _, r := range f.Audit {
		if r != allRules && !slices.Contains(ruleNames(), r) {
			return userf("--audit %s: there is no such rule; there are %s, and %s for each of them", r, names, allRules)
		}
	}
	switch {
	case given("audit") && len(f.Audit) == 0:
		return userf("--audit: name at least one rule, or %s; there are %s", allRules, names)
	case given("tasks") && len(f.Audit) == 0:
		return userf("--tasks is for the audit: say what it looks for with --audit RULES")
	}
	return nil
}
