package env

// FixedEnv returns the environment variables that hold wherever a task runs,
// for policies and for tests alike: one time zone, one locale, one hash seed,
// no pager, no colour, no prompt, no download of toolchains. The Spec of every
// sandbox that a task is placed in carries them.
func FixedEnv() map[string]string {
	return map[string]string{
		"TZ":                      "UTC",
		"LANG":                    "C.UTF-8",
		"LC_ALL":                  "C.UTF-8",
		"NO_COLOR":                "1",
		"PAGER":                   "cat",
		"PYTHONHASHSEED":          "0",
		"PYTHONDONTWRITEBYTECODE": "1",
		"PIP_NO_INPUT":            "1",
		"GOTOOLCHAIN":             "local",
		"GOPROXY":                 "off",
		"GIT_PAGER":               "cat",
		"GIT_TERMINAL_PROMPT":     "0",
		"GIT_AUTHOR_NAME":         "agent",
		"GIT_AUTHOR_EMAIL":        "agent@localhost",
		"GIT_COMMITTER_NAME":      "agent",
		"GIT_COMMITTER_EMAIL":     "agent@localhost",
	}
}
