package behaviour

import (
	"slices"
	"strings"
)

// packages are the package managers. They add and remove; some of what they do
// only asks, and some only asks a server.
func packages(c *call) (Act, bool) {
	switch name := c.name; {
	case name == "pip" || name == "pip2" || name == "uv" || strings.HasPrefix(name, "pip3"):
		return c.pip(), true
	case slices.Contains(managers, name):
		return c.manager(), true
	}
	return Act{}, false
}

var managers = []string{
	"apt", "apt-get", "aptitude", "yum", "dnf", "apk", "brew", "conda", "mamba", "poetry", "pipenv", "pdm", "hatch", "rye", "gem", "bundle",
	"composer", "rustup", "snap", "pacman", "zypper", "easy_install", "nvm", "pyenv", "cpan", "cpanm", "luarocks", "opam", "pipx", "corepack",
	"dpkg", "rpm", "virtualenv", "venv", "ensurepip",
}

const packageValued = "r c i e t n p f index-url target requirement constraint"

func (c *call) pip() Act {
	o := parseOptions(c.texts(), packageValued)
	if c.name == "uv" && o.first() == "pip" {
		o.operands = o.operands[1:]
	}
	switch o.first() {
	case "list", "show", "freeze", "check", "config", "debug", "help", "inspect", "cache", "":
		return c.act(Inspect, "")
	case "index", "search":
		return c.act(Network, "")
	}
	return c.act(Install, "")
}

func (c *call) manager() Act {
	o := parseOptions(c.texts(), packageValued)
	if (c.name == "dpkg" || c.name == "rpm") && !o.has("i", "install", "U") {
		return c.act(Inspect, "")
	}
	switch o.first() {
	case "list", "show", "search", "info", "env", "check", "policy", "config", "activate", "deactivate", "version", "which", "versions":
		return c.act(Inspect, "")
	}
	return c.act(Install, "")
}
