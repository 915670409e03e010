//go:build linux && !amd64

package main

// moreAttempts are those of this architecture.
func moreAttempts() []attempt { return nil }
