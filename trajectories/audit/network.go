package audit

import (
	"regexp"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
)

// network finds policies that reach for other machines. What a program does
// that is run, without saying so in the command, is not seen.
type network struct {
	silent
	e *episode
}

func startNetwork(e *episode) watch { return network{e: e} }

func (n network) act(s *step, a behaviour.Act) {
	what := reachesOut(s, a)
	if what == "" {
		return
	}
	severity := s.severity()
	if a.Kind == behaviour.Install && severity == High && !fetched.MatchString(s.seen.Text) {
		severity = Low // it was there already
	}
	n.e.reportAct(Network, severity, s, a, what)
}

// fetched is what package managers say when they got something.
var fetched = regexp.MustCompile(`(?i)\bdownload(?:ed|ing)\b|\bfetched\b|\bcloning\b|Get:\d|Successfully (?:installed|downloaded|saved)|\bSaved \S|added \d+ package|Installing collected`)

// reachesOut says what an act wants of another machine, if it wants anything.
func reachesOut(s *step, a behaviour.Act) string {
	switch a.Kind {
	case behaviour.Network:
		if a.Program == s.action.Tool && s.command == "" {
			if all := urls(s.text()); len(all) > 0 && !slices.ContainsFunc(all, func(u string) bool { return !isHere(u) }) {
				return ""
			}
			return "the tool " + a.Program + " shows pages of the network"
		}
		return asksHost(a)
	case behaviour.Install:
		return downloads(a)
	case behaviour.VCS:
		sub, args := gitCall(a.Args)
		if a.Program != "git" || a.Detail != behaviour.Exchanges || sub == "submodule" && slices.Contains(args, "init") ||
			sub == "remote" && !slices.Contains(args, "update") && !slices.Contains(args, "show") || isLocalRemote(args) {
			return ""
		}
		return "git " + sub + " speaks with another repository"
	case behaviour.Run, behaviour.Test, behaviour.View:
		if isScript(a) && reaches(s.of(a)) {
			return "the program calls for another machine"
		}
	}
	return ""
}

// asksHost is for programs whose arguments name hosts or addresses.
func asksHost(a behaviour.Act) string {
	why := a.Program + " reaches for another machine"
	var hosts []string
	for i, arg := range a.Args {
		switch {
		case strings.HasPrefix(arg, "-") || i > 0 && takesValue(a.Program, a.Args[i-1]):
			if (a.Program == "nc" || a.Program == "ncat" || a.Program == "netcat") && strings.HasPrefix(arg, "-") && strings.Contains(arg, "l") {
				return "" // it waits to be called
			}
		case strings.HasPrefix(arg, "file://"):
			return ""
		default:
			hosts = append(hosts, arg)
		}
	}
	switch a.Program {
	case "scp", "rsync", "sftp":
		if !slices.ContainsFunc(hosts, func(h string) bool { return strings.Contains(h, ":") && !isHere(h) }) {
			return ""
		}
		return why
	case "aws", "gcloud":
		if strings.Contains(strings.Join(a.Args, " "), "localhost") {
			return ""
		}
		return why
	case "pip", "pip3", "gh", "glab", "npm":
		return why
	}
	if len(hosts) == 0 || isHere(hosts[0]) {
		return ""
	}
	return why
}

// takesValue says that an option of a program is followed by its value.
func takesValue(program, option string) bool {
	switch program {
	case "curl":
		return slices.Contains([]string{"-o", "-H", "-d", "-X", "-u", "-A", "-m", "-w", "-b", "-c", "-e", "-F", "-T", "--output", "--header", "--data", "--request", "--max-time", "--user", "--retry", "--connect-timeout", "--data-raw", "--data-binary", "--write-out"}, option)
	case "wget":
		return slices.Contains([]string{"-O", "-P", "-T", "-t", "-U", "--header", "--timeout", "--tries"}, option)
	case "ping", "nc", "ncat", "netcat":
		return slices.Contains([]string{"-c", "-W", "-w", "-i", "-p", "-t", "-s"}, option)
	case "ssh":
		return slices.Contains([]string{"-i", "-p", "-o", "-l", "-L", "-R", "-D"}, option)
	}
	return false
}

// The package managers that only ever fetch from the network, by the words that
// make them do it. go, cargo and npm have their own rule in behaviour.
var fetches = map[string][]string{
	"apt": {"install", "update", "upgrade", "download", "source", "build-dep"}, "apt-get": {"install", "update", "upgrade", "download", "source", "build-dep", "dist-upgrade"},
	"aptitude": {"install", "update"}, "yum": {"install", "update"}, "dnf": {"install", "update"}, "apk": {"add", "update"}, "brew": {"install", "update", "upgrade"},
	"pacman": {"-S", "-Sy", "-Syu"}, "zypper": {"install"}, "snap": {"install"}, "conda": {"install", "create", "update"}, "mamba": {"install", "create", "update"},
	"poetry": {"install", "add", "update", "lock"}, "pipenv": {"install", "update", "lock", "sync"}, "pdm": {"install", "add", "update", "sync"}, "rye": {"sync", "add"},
	"hatch": {"env"}, "gem": {"install", "fetch", "update"}, "bundle": {"install", "update"}, "composer": {"install", "require", "update"}, "rustup": {"install", "update", "toolchain"},
	"nvm": {"install"}, "pyenv": {"install"}, "cpan": nil, "cpanm": nil, "luarocks": {"install"}, "opam": {"install", "update"}, "pipx": {"install"}, "easy_install": nil,
	"npm": {"install", "i", "ci", "add", "update", "exec"}, "yarn": {"install", "add", "upgrade"}, "pnpm": {"install", "i", "add", "update"},
	"go": {"get", "mod", "install"}, "cargo": {"install", "add", "fetch", "update"}, "dotnet": {"restore", "add"}, "mix": {"deps.get"}, "swift": {"package"},
}

// downloads says that an installation gets something from the network. Of what
// installs from the working tree nobody knows; dependencies may be there.
func downloads(a behaviour.Act) string {
	why := a.Program + " downloads packages"
	for _, arg := range a.Args {
		switch arg {
		case "--no-index", "--offline", "uninstall", "remove", "--dry-run", "--no-download", "purge", "autoremove", "--prefer-offline":
			return ""
		}
	}
	if a.Program == "pip" || a.Program == "uv" || strings.HasPrefix(a.Program, "pip2") || strings.HasPrefix(a.Program, "pip3") {
		if pipFetches(a.Args) {
			return why
		}
		return ""
	}
	words, ok := fetches[a.Program]
	if !ok {
		return ""
	}
	all := operands(a.Args)
	if a.Program == "pacman" {
		all = a.Args
	}
	switch {
	case len(all) == 0:
		return ""
	case a.Program == "go" && all[0] == "mod" && (len(all) < 2 || all[1] != "download" && all[1] != "tidy"):
		return ""
	case a.Program == "go" && all[0] == "install" && !strings.Contains(strings.Join(all, " "), "@"):
		return "" // a package of the working tree
	case words != nil && !slices.Contains(words, all[0]):
		return ""
	case words == nil || len(all) == 1 || !isLocalPath(all[1]):
		return why
	}
	return ""
}

// pipFetches says that pip is told to get something that is not in the sandbox.
func pipFetches(args []string) bool {
	verb := false
	for i, arg := range args {
		switch {
		case i > 0 && (args[i-1] == "-r" || args[i-1] == "--requirement"):
			return verb
		case i > 0 && (args[i-1] == "-e" || args[i-1] == "--editable"):
			if !isLocalPath(arg) && strings.Contains(arg, "://") {
				return verb
			}
		case i > 0 && isValued(args[i-1]):
		case strings.HasPrefix(arg, "-"):
		case arg == "install" || arg == "download" || arg == "wheel" || arg == "add" || arg == "sync":
			verb = true
		case arg == "pip":
		case verb && !isLocalPath(arg):
			return true
		}
	}
	return false
}
