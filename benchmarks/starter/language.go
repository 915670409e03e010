package starter

import (
	_ "embed"
	"strings"
)

// A language is what the tasks in one programming language have in common.
type language struct {
	needs       []string
	testCommand string // as the README tells a developer
	parser      string
	// prepare stands in a task's script before the tests, run starts them.
	prepare, run string
	setup        string
}

//go:embed unittest_runner.py
var runner string

var languages = map[string]language{
	"go": {
		needs:       []string{"git", "go"},
		testCommand: "go test ./...",
		parser:      "parse_log_gotest",
		prepare:     "export GOTOOLCHAIN=local GOPROXY=off\n",
		run:         "CGO_ENABLED=0 go test -vet=off -v ./...",
		setup:       warmUp(),
	},
	"python": {
		needs:       []string{"git", "python3"},
		testCommand: "python3 -m unittest -v",
		parser:      "parse_log_pytest",
		prepare:     "cat > /tmp/unittest_runner.py <<'EOF_RUNNER'\n" + runner + "EOF_RUNNER\n",
		run:         "python3 /tmp/unittest_runner.py",
	},
}

// imports are the packages of the standard library that the Go tasks use.
var imports = []string{
	"bufio", "bytes", "container/heap", "container/list", "context", "crypto/sha256", "encoding/base64", "encoding/binary",
	"encoding/csv", "encoding/hex", "encoding/json", "errors", "flag", "fmt", "hash/crc32", "hash/fnv", "io", "math",
	"math/big", "math/rand", "os", "path", "path/filepath", "reflect", "regexp", "runtime", "sort", "strconv",
	"strings", "sync", "sync/atomic", "testing", "text/tabwriter", "time", "time/tzdata", "unicode",
	"unicode/utf8",
}

// warmUp returns a script that fills Go's build cache by compiling a throwaway
// module: once as the evaluation runs tests, once as a developer does, and once
// as a program. With a cold cache the first test of a task takes a minute. An
// image without Go is left as it is; its tasks are skipped for what they need.
func warmUp() string {
	var list strings.Builder
	for _, name := range imports {
		if name != "testing" {
			list.WriteString("\t_ \"" + name + "\"\n")
		}
	}
	return `set -eu
if ! command -v go >/dev/null; then exit 0; fi
export GOTOOLCHAIN=local GOPROXY=off
dir=$(mktemp -d)
cd "$dir"
cat > go.mod <<'EOF'
module example.com/warm

go 1.19
EOF
cat > warm_test.go <<'EOF'
package warm

import (
	"testing"

` + list.String() + `)

func TestWarm(t *testing.T) { t.Log("warm") }
EOF
mkdir run
cat > run/main.go <<'EOF'
package main

import (
` + list.String() + `)

func main() {}
EOF
CGO_ENABLED=0 go test -vet=off -v ./...
go test ./...
go run ./run
cd /
rm -rf "$dir"
`
}
