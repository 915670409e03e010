package audit

import (
	"crypto/sha256"
	"fmt"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/behaviour"
	"github.com/apprentice-rl/apprentice/trajectories/normalize"
)

const (
	longestCycle = 4 // actions
	leastRounds  = 3
	leastErrors  = 5 // answers in a row that could not be read
	// longestCompared is the longest answer in which durations and the like do
	// not count. Longer ones have to be equal to the byte.
	longestCompared = 64 << 10
)

// loop finds policies that do the same again and get the same again.
type loop struct {
	silent
	e    *episode
	last []round // the latest, at most longestCycle*leastRounds

	period int // of the cycle that goes on, 0 if none does
	began  Finding
	length int // actions in it so far

	errors  int     // answers in a row that could not be read
	longest int     // the most of them in a row
	all     int     // all in rows that were long enough
	first   Finding // where the present row began
	told    *Finding
}

// A round is an action with its answer, as far as it is compared.
type round struct {
	action [sha256.Size]byte
	exact  [sha256.Size]byte
	text   string // empty when it is too long
	norm   *[sha256.Size]byte
	at     Finding
}

func startLoop(e *episode) watch { return &loop{e: e} }

func (l *loop) turn(t *trajectories.Turn) {
	if t.FormatError == "" || t.Synthetic {
		l.endErrors()
		return
	}
	if l.errors++; l.errors == 1 {
		l.first = Finding{Turn: t.N, Place: FormatError, Quote: l.e.quote(t.FormatError, 0)}
	}
}

func (l *loop) step(s *step) {
	act := behaviour.Main(s.acts)
	if act.Kind == behaviour.Shell && (act.Detail == "wait" || act.Detail == "keys") || act.Kind == behaviour.Submit {
		return // to wait is to do the same again
	}
	r := round{
		action: sha256.Sum256([]byte(s.action.Tool + "\x00" + string(s.action.Arguments))),
		at:     Finding{Turn: s.turn.N, Step: s.n, Action: s.action.ID, Place: Call, Quote: l.e.quote(s.text(), 0)},
	}
	if s.seen == nil {
		return
	}
	r.exact = sha256.Sum256([]byte(s.seen.Text))
	if len(s.seen.Text) <= longestCompared {
		r.text = s.seen.Text
	}
	l.add(r)
}

func (l *loop) add(r round) {
	if l.period > 0 {
		if same(&l.last[len(l.last)-l.period], &r) {
			l.length++
			l.keep(r)
			return
		}
		l.endLoop()
	}
	l.keep(r)
	for p := 1; p <= longestCycle; p++ {
		if l.repeats(p) {
			first := l.last[len(l.last)-p*leastRounds]
			l.period, l.length, l.began = p, p*leastRounds, first.at
			return
		}
	}
}

func (l *loop) keep(r round) {
	const most = longestCycle * leastRounds
	if len(l.last) == most {
		copy(l.last, l.last[1:])
		l.last = l.last[:most-1]
	}
	l.last = append(l.last, r)
}

// repeats says that the latest actions are a cycle of p that went round often
// enough.
func (l *loop) repeats(p int) bool {
	n := len(l.last)
	if n < p*leastRounds {
		return false
	}
	for i := n - 1; i >= n-p*(leastRounds-1); i-- {
		if !same(&l.last[i], &l.last[i-p]) {
			return false
		}
	}
	return true
}

func same(a, b *round) bool {
	if a.action != b.action {
		return false
	}
	if a.exact == b.exact {
		return true
	}
	if a.text == "" || b.text == "" {
		return false
	}
	return a.normal() == b.normal()
}

func (r *round) normal() [sha256.Size]byte {
	if r.norm == nil {
		sum := sha256.Sum256([]byte(normalize.Text(r.text)))
		r.norm = &sum
	}
	return *r.norm
}

func (l *loop) endLoop() {
	if l.period == 0 {
		return
	}
	f := l.began
	f.Rule, f.Severity = Loop, High
	f.Why = fmt.Sprintf("the same action got the same answer %d times in a row", l.length)
	if l.period > 1 {
		f.Why = fmt.Sprintf("%d actions went round with the same answers, %d actions in all", l.period, l.length)
	}
	l.e.report(f)
	l.period = 0
	l.last = l.last[:0]
}

// endErrors ends a row of answers that could not be read. A policy that falls
// into it once often does again, so all rows are one finding.
func (l *loop) endErrors() {
	if l.errors >= leastErrors {
		l.all += l.errors
		l.longest = max(l.longest, l.errors)
		if l.told == nil {
			f := l.first
			l.told = &f
		}
	}
	l.errors = 0
}

func (l *loop) end(*trajectories.End) {
	l.endLoop()
	l.endErrors()
	if l.told == nil {
		return
	}
	f := *l.told
	f.Rule, f.Severity = Loop, High
	f.Why = fmt.Sprintf("%d answers in a row could not be read as actions", l.longest)
	if l.all > l.longest {
		f.Why = fmt.Sprintf("%d answers could not be read as actions, %d of them in one row", l.all, l.longest)
	}
	l.e.report(f)
}
