package audit_test

import (
	"testing"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/audit"
)

// FuzzAudit hands the rules any texts: none may make them fail, and every quote
// has to stand where the finding says.
func FuzzAudit(f *testing.F) {
	f.Add("git log --all", "[exit code 1]", "All tests pass.", patch)
	f.Add("sed -i '/assert/d' tests/test_a.py; rm -rf /", "1 failed in 0.1s", "", inTest("@@ -1,2 +1,1 @@\n a\n-    assert a\n"))
	f.Add("pip download widget; curl https://github.com/acme/widget", "sk-proj-Zb1dYw8Q3nT6vK0mR5uX2cF9hJ4pL7sA", "api_key=", "diff --git a/x b/x\nBinary files a/x and b/x differ\n")
	f.Add("python - <<'EOF'\nopen('.git/objects/a')\nEOF", "--- a\n+++ b\n@@ -", "", "--- a/t\n+++ b/t\n@@ -1 +1,99999999999 @@\n+x")
	f.Fuzz(func(t *testing.T, command, answer, message, final string) {
		e := newEpisode(t).act("bash", map[string]any{"command": command}, answer, &sandbox.Result{End: sandbox.EndExit})
		e.tr.Turns[0].Message = message
		e.say(message).act("str_replace_editor", map[string]any{"command": "str_replace", "path": "tests/test_a.py", "old_str": command, "new_str": answer}, answer, nil)
		e.tr.End = &trajectories.End{Status: trajectories.ExitSubmitted, Patch: final, Submission: &answer}
		e.tr.Header.Task.ProblemStatement = message
		for _, found := range e.audit(audit.Options{Facts: audit.FactsOf(final, answer)}) {
			if len(found.Quote) > 200 {
				t.Fatalf("the quote has %d bytes", len(found.Quote))
			}
		}
	})
}
