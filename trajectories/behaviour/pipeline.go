package behaviour

import "mvdan.cc/sh/v3/syntax"

// pipeline reads commands that hand their output on. Filters vanish, and so
// does what only shows files where something else is done with them: the
// writer, or what runs, names the pipeline.
func (w *walker) pipeline(stages []*syntax.Stmt) []Act {
	of := span{w.rangeOf(stages[0]).pos, w.rangeOf(stages[len(stages)-1]).end}
	var done, shown []Act
	var read []string
	grep := false
	for i, s := range stages {
		dir := w.dir
		acts := w.single(s, i > 0)
		w.dir = dir // every stage is a shell of its own
		for _, act := range acts {
			switch {
			case act.Kind == "":
				grep = grep || searches(act.Program)
				read = append(read, act.Reads...)
			case toFile(act) && len(done) > 0:
				// The output of what was done is kept, as with pytest | tee log.
				done[len(done)-1].Writes = append(done[len(done)-1].Writes, act.Writes...)
			case passive(act):
				shown = append(shown, act)
			default:
				done = append(done, act)
			}
		}
	}
	if len(done) == 0 {
		// A later command with files of its own, as after xargs, is what it was for.
		last := lastShown(shown)
		if last < 0 {
			return []Act{{Kind: Shell, Detail: "filter", Pos: of.pos, End: of.end}}
		}
		act := shown[last]
		if grep && (act.Kind == View || act.Kind == List) {
			act.Kind, act.Detail = Search, "filter"
		}
		shown = append(shown[:last], shown[last+1:]...)
		done = []Act{act}
	}
	last := &done[len(done)-1]
	for _, act := range shown {
		if act.Kind != Shell {
			read = append(read, act.Reads...)
		}
	}
	last.Reads = append(last.Reads, read...)
	if len(done) == 1 && w.base >= 0 {
		last.Pos, last.End = min(last.Pos, of.pos), max(last.End, of.end)
	}
	return done
}

// passive says that an act is nothing of its own if something is done with its
// output.
func passive(act Act) bool {
	switch act.Kind {
	case View, Search, List, Inspect, Shell:
		return true
	}
	return false
}

// toFile says that an act only puts into a file what it gets.
func toFile(act Act) bool {
	return act.Kind == Edit && (act.Detail == byTee || act.Detail == byRedirect || act.Detail == byAppend)
}

func searches(program string) bool {
	switch program {
	case "grep", "egrep", "fgrep", "rg", "ag", "ack":
		return true
	}
	return false
}

// lastShown returns the last act that shows more than the shell's own words.
func lastShown(acts []Act) int {
	for i := len(acts) - 1; i >= 0; i-- {
		if acts[i].Kind != Shell {
			return i
		}
	}
	return len(acts) - 1
}

// settle names a filter that stands alone.
func settle(act Act) Act {
	if act.Kind == "" {
		act.Kind, act.Detail = Shell, "filter"
	}
	return act
}
