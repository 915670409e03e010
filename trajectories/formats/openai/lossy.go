package openai

import (
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
)

// lossy lists what a row cannot hold.
func lossy(t *trajectories.Trajectory) []formats.Loss {
	l := chat.Losses{Own: own(&t.Header)}
	l.Header(&t.Header)
	if t.Header.Policy.Name != "" {
		l.Add("header.policy", 0, "a row names the model, and no program")
	}
	if t.Header.Attempt > 1 && !l.Own {
		l.Add("header.attempt", 0, "a row does not say which attempt at its task it is")
	}
	answers := 0
	for i := range t.Turns {
		turn := &t.Turns[i]
		if !turn.Lost {
			answers++
		}
		l.Turn(turn)
		if (turn.Copied || turn.Synthetic) && !l.Own {
			l.Add("turn.copied", turn.N, "only its weight, 0, says that nobody is to learn from it")
		}
	}
	for i := range t.Observations {
		l.Observation(&t.Observations[i])
	}
	for i := range t.Messages {
		l.Message(&t.Messages[i], chat.Holds(&t.Messages[i], l.Own))
	}
	for _, v := range t.Views {
		l.Add("view", v.Turn, "all messages of a row are seen by all that follow")
	}
	if t.End != nil {
		l.End(t.End, answers)
		if !l.Own && t.End.Status == trajectories.ExitUnknown && chat.Submits(t) {
			l.Add("end.status", 0, "without one, a row that ends with such a call is taken for submitted")
		}
	}
	return l.All()
}
