package atif

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/document"
	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/chat"
	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

// maxNested bounds how deep trajectories may be embedded in each other.
const maxNested = 100

// load imports a trajectory and those embedded in it.
func load(ctx context.Context, in *formats.Input, to formats.Sink) error {
	root, err := in.Document()
	if err != nil {
		return err
	}
	return importer{ctx, in, to}.trajectory(root, nil, 0)
}

type importer struct {
	ctx context.Context
	in  *formats.Input
	to  formats.Sink
}

// decode decodes a node, and reports false if it could not be and the user
// wants to keep going.
func (i importer) decode(n *document.Node, v any) (bool, error) {
	if err := n.Decode(v); err != nil {
		return false, i.in.Forgive(err)
	}
	return true, nil
}

// trajectory imports the trajectory at a node.
func (i importer) trajectory(n *document.Node, parent *trajectories.Parent, depth int) error {
	if depth > maxNested {
		return i.in.Fault(n, "trajectories are embedded more than %d deep", maxNested)
	}
	header, end, err := i.header(n)
	if err != nil {
		return err
	}
	header.Parent = parent
	steps, ok := n.Get("steps")
	if !ok {
		return i.in.Fault(n, `the trajectory has no "steps"`)
	}
	e := &walk{importer: i, header: header, asked: map[string]int{}}
	if err := e.run(steps); err != nil {
		return err
	}
	if err := i.end(n, e, end); err != nil {
		return err
	}
	return i.embedded(n, e, depth)
}

// embedded imports the trajectories of the agents that worked for this one.
func (i importer) embedded(n *document.Node, e *walk, depth int) error {
	list, ok := n.Get("subagent_trajectories")
	if !ok || list.Kind() == document.Null {
		return nil
	}
	for sub, err := range list.Elements() {
		if err != nil {
			return i.in.Forgive(err)
		}
		parent := &trajectories.Parent{Trajectory: e.header.ID, Kind: trajectories.ParentSubagent}
		if id, ok := sub.Get("trajectory_id"); ok && id.Kind() == document.String {
			name, err := id.String()
			if err = i.in.Forgive(err); err != nil {
				return err
			}
			parent.Turn = e.asked[name]
		}
		if err := i.trajectory(sub, parent, depth+1); err != nil {
			if err := i.in.Forgive(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// header makes the header, and the beginning of the end, of what stands beside
// the steps.
func (i importer) header(n *document.Node) (trajectories.Header, trajectories.End, error) {
	h := trajectories.Header{ID: n.Position().Field + "/"}
	end := trajectories.End{Status: trajectories.ExitUnknown, PatchUnknown: true}
	h.Task.ID = i.task()
	var version loose.String
	var extra members.List
	for _, k := range n.Keys() {
		m, _ := n.Get(k.Name)
		var err error
		switch k.Name {
		case "steps", "subagent_trajectories", "final_metrics":
		case "schema_version":
			_, err = i.decode(m, &version)
		case "session_id":
			_, err = i.decode(m, (*loose.String)(&h.Session))
		case "notes":
			var notes loose.Text
			_, err = i.decode(m, &notes)
			h.Notes = notes.Text
		case "agent":
			err = i.agent(m, &h, &extra)
		case "extra":
			raw, e := m.Raw()
			extra.AddRaw(k.Name, outcome(raw, &h, &end))
			err = i.in.Forgive(e)
		default:
			raw, e := m.Raw()
			extra.AddRaw(k.Name, raw)
			err = i.in.Forgive(e)
			if e == nil && !slices.Contains([]string{"trajectory_id", "continued_trajectory_ref"}, k.Name) {
				i.in.Warn(m, "the schema has no such member; it is kept")
			}
		}
		if err != nil {
			return h, end, err
		}
	}
	v := strings.TrimPrefix(string(version), versionPrefix)
	h.Source = &trajectories.Source{Version: v}
	if !slices.Contains([]string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}, v) {
		i.in.Warn(n, "version %q is newer than what is known, 1.7; it is read as that", v)
	}
	if object := extra.Object(); object != nil {
		h.Origin = &trajectories.Origin{Extra: object}
	}
	return h, end, nil
}

// outcome takes from the root's extra the patch and the status that export puts
// there, and returns what else is in it. The task's id stays in it, too.
func outcome(extra []byte, h *trajectories.Header, end *trajectories.End) []byte {
	var rest members.List
	taken := false
	for name, value := range members.All(extra) {
		switch isText := value.Kind() == '"'; {
		case name == "patch" && isText:
			end.Patch, end.PatchUnknown, taken = text(value), false, true
		case name == "exit_status" && isText:
			end.SourceStatus, taken = text(value), true
		case name == "task_id" && isText && text(value) != "":
			h.Task.ID = text(value)
			rest.AddRaw(name, value)
		default:
			rest.AddRaw(name, value)
		}
	}
	if !taken {
		return extra
	}
	return rest.Object()
}

func (i importer) agent(n *document.Node, h *trajectories.Header, extra *members.List) error {
	var a agent
	if ok, err := i.decode(n, &a); !ok {
		return err
	}
	h.Policy = trajectories.Policy{Name: string(a.Name), Model: string(a.ModelName), Version: string(a.Version)}
	h.Tools = chat.Tools(a.ToolDefinitions)
	extra.AddRaw("agent", a.Rest)
	return nil
}

// task is the id of the task. Harbor names all files trajectory.json, in the
// folder agent of the folder of a trial.
func (i importer) task() string {
	stem := i.in.Stem()
	if stem != "trajectory" {
		return stem
	}
	dir := filepath.Dir(i.in.File)
	if filepath.Base(dir) == "agent" {
		dir = filepath.Dir(dir)
	}
	if name := filepath.Base(dir); name != "." && name != string(filepath.Separator) {
		return name
	}
	return stem
}

// end writes the end. The format itself does not say how an episode ended, nor
// which patch came of it.
func (i importer) end(n *document.Node, e *walk, end trajectories.End) error {
	end.Usage = e.out.Usage()
	if status := trajectories.ExitStatus(end.SourceStatus); status.Valid() {
		end.Status = status
	} else if e.out.Finished() {
		end.Status = trajectories.ExitSubmitted
	}
	if m, ok := n.Get("final_metrics"); ok && m.Kind() != document.Null {
		var final finalMetrics
		if ok, err := i.decode(m, &final); err != nil {
			return err
		} else if ok {
			calls := end.Usage.Calls
			end.Usage = final.usage()
			end.Usage.Calls = calls
			var extra members.List
			if total := final.TotalSteps; total != nil && total.Int() != e.count {
				extra.Add("total_steps", total)
				if e.header.Notes == "" {
					i.in.Warn(m, "total_steps is %d, and there are %d steps", total.Int(), e.count)
				}
			}
			extra.AddAll(final.Rest)
			if object := extra.Object(); object != nil {
				end.Origin = &trajectories.Origin{Extra: object}
			}
		}
	}
	return e.out.End(end)
}
