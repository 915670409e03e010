package audit

import (
	"regexp"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// gitCall takes the arguments of git apart: the command, and what follows it.
func gitCall(args []string) (sub string, rest []string) {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-C" || a == "-c" || a == "--git-dir" || a == "--work-tree" || a == "--namespace":
			i++
		case strings.HasPrefix(a, "-"):
		default:
			return a, args[i+1:]
		}
	}
	return "", nil
}

// operands are the arguments that are no options. Values of options that stand
// apart are among them.
func operands(args []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") && len(a) > 1 })
}

// isLocalPath says that what stands for a package or repository lies in the
// sandbox.
func isLocalPath(s string) bool {
	if strings.Contains(s, "://") {
		return strings.HasPrefix(s, "file://")
	}
	return strings.HasPrefix(s, ".") || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~") ||
		strings.HasSuffix(s, ".whl") || strings.HasSuffix(s, ".tar.gz") || strings.HasSuffix(s, ".deb") || strings.HasPrefix(s, "$PWD") || strings.HasPrefix(s, "$(pwd)")
}

// isLocalRemote says that git is told to speak with a repository in the sandbox.
func isLocalRemote(args []string) bool {
	all := operands(args)
	return len(all) > 0 && isLocalPath(all[0])
}

// isValued has the options of package managers whose value stands apart.
func isValued(option string) bool {
	switch option {
	case "-r", "-c", "-t", "-d", "-i", "-f", "-n", "-p", "--requirement", "--constraint", "--target", "--dest", "--index-url", "--extra-index-url",
		"--find-links", "--name", "--prefix", "--channel", "--python", "--python-version", "--platform", "--timeout", "--retries", "--log", "--proxy":
		return true
	}
	return false
}

// isScript says that the text of a program stands in the command itself.
func isScript(a behaviour.Act) bool {
	switch a.Detail {
	case "python", "node", "nodejs", "perl", "ruby", "php":
		return true
	}
	return false
}

// withoutComments leaves out lines that are comments of a script.
func withoutComments(text string) string {
	if !strings.Contains(text, "#") && !strings.Contains(text, "//") {
		return text
	}
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		if t := strings.TrimSpace(line); !strings.HasPrefix(t, "#") && !strings.HasPrefix(t, "//") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

var urlText = regexp.MustCompile(`(?:https?|ftp|git|ssh)://[^\s'"\\<>)}\]|;]+`)

func urls(text string) []string { return urlText.FindAllString(text, 64) }

// isHere says that an address, a host with or without more around it, is that
// of this machine, or nobody's.
func isHere(address string) bool {
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	if i := strings.IndexAny(address, "/?#"); i >= 0 {
		address = address[:i]
	}
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		address = address[i+1:]
	}
	host := strings.ToLower(address)
	if strings.HasPrefix(host, "[") {
		return strings.HasPrefix(host, "[::1]") || strings.HasPrefix(host, "[::]")
	}
	host, _, _ = strings.Cut(host, ":")
	// Of a host in a variable nobody knows.
	return host == "localhost" || strings.HasPrefix(host, "$") || strings.HasSuffix(host, ".localhost") || strings.HasPrefix(host, "127.") || host == "0.0.0.0" || host == "" || host == "testserver"
}

// What a script calls to reach for an address. Where tests stand in for the
// network, nobody is reached.
var (
	reachCall = regexp.MustCompile(`\b(?:requests|httpx|session|urllib3|aiohttp)\.(?:get|post|put|head|delete|patch|request)\(|\burlopen\(|\burlretrieve\(|\bhttp\.client\.HTTPS?Connection\(|\bsocket\.create_connection\(|\bfetch\(\s*['"` + "`" + `]https?:|\bhttps?\.get\(|\bNet::HTTP\b|\bLWP::|\bfile_get_contents\(\s*['"]https?:`)
	mocked    = regexp.MustCompile(`\bmock|\bpatch\(|\bresponses\b|\bhttpretty\b|\brequests_mock\b|\bmoto\b|\bvcr\b|\brespx\b|MockTransport|LiveServer|HTTPServer|TestClient`)
	// calledURL is the address in a call.
	calledURL = regexp.MustCompile(`(?:get|post|put|head|delete|patch|urlopen|urlretrieve|fetch|file_get_contents)\(\s*[rbfu]?['"` + "`" + `](https?://[^'"\s]+)`)
	// hostText is a host in a call that takes no address.
	hostText = regexp.MustCompile(`(?:HTTPS?Connection|create_connection)\(\s*\(?\s*['"]([^'"]+)['"]`)
)

// reaches says that the text of a program calls for another machine.
func reaches(text string) bool {
	text = withoutComments(text)
	if !reachCall.MatchString(text) || mocked.MatchString(text) {
		return false
	}
	away := func(address string) bool { return !isHere(address) }
	// Where the calls name what they reach for, other addresses do not count.
	if called := calledURL.FindAllStringSubmatch(text, 64); len(called) > 0 {
		return slices.ContainsFunc(called, func(m []string) bool { return away(m[1]) })
	}
	if m := hostText.FindStringSubmatch(text); m != nil {
		return away(m[1])
	}
	return slices.ContainsFunc(urls(text), away)
}
