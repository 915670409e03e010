package swesmith

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/episode"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// lossy lists what a row cannot hold.
func lossy(t *trajectories.Trajectory) []formats.Loss {
	l := chat.Losses{Own: own(&t.Header)}
	header(&l, &t.Header)
	for i := range t.Turns {
		l.Turn(&t.Turns[i])
		if !l.Own {
			written(&l, &t.Turns[i])
		}
	}
	for i := range t.Observations {
		l.Observation(&t.Observations[i])
	}
	for i := range t.Messages {
		l.Message(&t.Messages[i], t.Messages[i].Shown)
	}
	for _, v := range t.Views {
		l.Add("view", v.Turn, "all messages of a row are seen by all that follow")
	}
	if !l.Own {
		Unspoken(&l.Losses, t)
		mistaken(&l.Losses, t)
	}
	if t.End != nil {
		end(&l, t)
	}
	return l.All()
}

// written notes what the message of a turn does not show.
func written(l *chat.Losses, t *trajectories.Turn) {
	if t.Copied || t.Synthetic {
		l.Add("turn.copied", t.N, "the message looks like any other")
	}
	if slices.ContainsFunc(t.Calls, func(c trajectories.Call) bool { return c.Text != "" }) {
		l.Add("turn.calls", t.N, "arguments are written one by one, and not as the text that the policy wrote")
	}
}

func header(l *chat.Losses, h *trajectories.Header) {
	l.Header(h)
	if name := h.Policy.Name; name != "" && name != policy {
		l.Add("header.policy", 0, "a row names the model, and its program is taken for SWE-agent")
	}
	if h.Attempt > 1 && !l.Own {
		l.Add("header.attempt", 0, "a row does not say which attempt at its task it is")
	}
	if !l.Own && len(h.Tools) > 0 {
		const why = "tools are described in the system message"
		l.Add("header.tools", 0, why)
		l.Add("header.system", 0, why)
	}
}

// end notes what of the end of a trajectory does not come back.
func end(l *chat.Losses, t *trajectories.Trajectory) {
	messages := 0 // of the policy
	for _, turn := range t.Turns {
		switch {
		case l.Own:
			messages++
		case !turn.Lost:
			messages += max(1, len(turn.Actions))
		}
	}
	l.End(t.End, messages)
	told := trajectories.ExitUnknown
	if chat.Submits(t) {
		told = trajectories.ExitSubmitted
	}
	if t.End.Status != told {
		l.Add("end.status", 0, "it is told by the last call alone")
	}
}

// mistaken notes the messages that stand where an answer would: right behind a
// turn.
func mistaken(l *formats.Losses, t *trajectories.Trajectory) {
	var before *trajectories.Turn
	for e := range t.Events() {
		switch {
		case e.Turn != nil:
			before = e.Turn
		case e.Observation != nil:
			before = nil
		case e.Message != nil && e.Message.Shown:
			if before != nil && len(before.Actions) > 0 {
				const why = "behind a call that has no answer, a message reads as the answer"
				l.Add("message", e.Message.After, why)
				l.Add("observation", e.Message.After, why)
			} else if before != nil {
				l.Add("message.role", e.Message.After, "behind a turn without a call, a message reads as what was said of it")
			}
			before = nil
		}
	}
}

// Unspoken lists what the messages of a [Conversation] cannot say.
func Unspoken(l *formats.Losses, t *trajectories.Trajectory) {
	answered := answers(t)
	for i := range t.Turns {
		turn := &t.Turns[i]
		if turn.Lost {
			continue // chat notes it
		}
		if turn.Reasoning != "" {
			l.Add("turn.reasoning", turn.N, "a message holds what was said and called, and not what was thought")
		}
		if len(turn.Actions) > 1 {
			l.Add("turn.actions", turn.N, "a message has one call: several become several turns")
		}
		for k, text := range split(turn) {
			spoken(l, turn, k, text)
		}
		for _, a := range turn.Actions[:max(0, len(turn.Actions)-1)] {
			if !answered[a.ID] {
				l.Add("observation.action", turn.N, "a message that answers is of the call before it, and one of these has no answer")
			}
		}
	}
}

func answers(t *trajectories.Trajectory) map[string]bool {
	ids := map[string]bool{}
	for _, o := range t.Observations {
		ids[o.Action] = true
	}
	return ids
}

// spoken notes how call k of a turn, from 0, is read in the text that was made
// of it.
func spoken(l *formats.Losses, t *trajectories.Turn, k int, text string) {
	const unescaped = "values are written as texts, in which nothing is escaped"
	read := parse(text, xml)
	if k == 0 && read.thought != t.Message || len(t.Actions) == 0 && (len(read.calls) > 0 || read.broken) {
		l.Add("turn.message", t.N, "it holds what reads as a call")
	}
	if k >= len(t.Actions) {
		return
	}
	a := t.Actions[k]
	if t.Calls != nil && t.Calls[k].Invalid {
		l.Add("turn.calls", t.N, "arguments that are no JSON object have no names and values to write")
	}
	switch {
	case episode.Finishes(a.Tool) && a.Tool != submit:
		const why = "the call that ends an episode is submit, without arguments"
		l.Add("turn.actions.tool", t.N, why)
		l.Add("turn.actions.arguments", t.N, why)
	case len(read.calls) != 1 || read.calls[0].tool != a.Tool:
		l.Add("turn.actions.tool", t.N, "it does not read as the name of a function")
	case !same(read.calls[0].action().Arguments, a.Arguments):
		l.Add("turn.actions.arguments", t.N, unescaped)
	case closes(a):
		l.Add("turn.actions.arguments", t.N, "one holds </parameter>, "+unescaped)
	}
}

// closes reports whether a value holds the end of one: most programs that read
// calls take the first for it.
func closes(a env.Action) bool {
	for _, v := range members.All(a.Arguments) {
		if strings.Contains(str(v), parameterEnds) {
			return true
		}
	}
	return false
}

// same reports whether two values are the same JSON, in whichever spelling.
func same(a, b []byte) bool {
	x, y := jsontext.Value(a).Clone(), jsontext.Value(b).Clone()
	return x.Canonicalize() == nil && y.Canonicalize() == nil && string(x) == string(y)
}
