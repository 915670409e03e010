package contain

import "github.com/apprentice-rl/apprentice/sandbox/guest/seccomp"

// filterSyscalls puts the filter of system calls over this process.
func (p *Plan) filterSyscalls() error {
	if len(p.Filter) == 0 {
		return nil // the driver has reported it as not enforced
	}
	return seccomp.Install(p.Filter)
}
