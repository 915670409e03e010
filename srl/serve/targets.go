package serve

import (
	"container/list"
	"errors"
	"fmt"
	"sync"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

// targets keeps prepared labels, those that were used last.
type targets struct {
	labels map[string]string // by id; nil: any label is accepted
	most   int64             // bytes

	mu           sync.Mutex
	byText       map[string]*list.Element // of *prepared
	recent       *list.List               // from the latest to the oldest
	bytes        int64
	hits, misses int64
}

// prepared is a label, ready to score.
type prepared struct {
	text   string
	label  srl.Label
	target *reward.Target
}

// An indexed action takes memory for each of its code points, and the label's text
// is held several times over: as key, as text, and as action.
const bytesPerByte = 64

func (p *prepared) bytes() int64 { return 512 + bytesPerByte*int64(len(p.text)) }

func newTargets(labels map[string]string, most int64) *targets {
	return &targets{labels: labels, most: most, byText: map[string]*list.Element{}, recent: list.New()}
}

// of returns what scores a group. An error says what is wrong with its label.
func (t *targets) of(g group) (srl.Label, *reward.Target, error) {
	text := g.Label
	switch {
	case text != "" && g.ID != "":
		return srl.Label{}, nil, errors.New("it has both a label and an id: send one of them")
	case text == "" && g.ID == "":
		return srl.Label{}, nil, errors.New("it has neither a label nor an id")
	case text == "" && t.labels == nil:
		return srl.Label{}, nil, errors.New("it has no label, and the server has loaded no examples: start it with --examples, or send labels")
	case text == "":
		var ok bool
		if text, ok = t.labels[g.ID]; !ok {
			return srl.Label{}, nil, fmt.Errorf("example %s is not among those that the server has loaded", g.ID)
		}
	}
	if p := t.recall(text); p != nil {
		return p.label, p.target, nil
	}
	label, err := t.read(text)
	if err != nil {
		return srl.Label{}, nil, err
	}
	target, err := label.Reward.Target(label.Action)
	if err != nil {
		return srl.Label{}, nil, fmt.Errorf("%w: example %s: %w", srl.ErrLabel, label.ID, err)
	}
	t.keep(&prepared{text, label, target})
	return label, target, nil
}

// read reads a label, and compares it with the one that was loaded.
func (t *targets) read(text string) (srl.Label, error) {
	label, err := srl.ParseLabel(text)
	if err != nil || t.labels == nil {
		return label, err
	}
	loaded, ok := t.labels[label.ID]
	if !ok {
		return srl.Label{}, fmt.Errorf("%w: example %s is not among those that the server has loaded", srl.ErrLabel, label.ID)
	}
	want, err := srl.ParseLabel(loaded)
	if err != nil {
		return srl.Label{}, err
	}
	if want != label {
		return srl.Label{}, fmt.Errorf("%w: the action or the reward of example %s is not that of the example which the server has loaded", srl.ErrLabel, label.ID)
	}
	return label, nil
}

func (t *targets) recall(text string) *prepared {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byText[text]
	if !ok {
		t.misses++
		return nil
	}
	t.hits++
	t.recent.MoveToFront(e)
	return e.Value.(*prepared)
}

func (t *targets) keep(p *prepared) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.byText[p.text]; ok || p.bytes() > t.most {
		return // another request was quicker, or there is no room for it at all
	}
	t.byText[p.text] = t.recent.PushFront(p)
	t.bytes += p.bytes()
	for t.bytes > t.most {
		oldest := t.recent.Remove(t.recent.Back()).(*prepared)
		delete(t.byText, oldest.text)
		t.bytes -= oldest.bytes()
	}
}

// usage returns the figures for metrics.
func (t *targets) usage() (labels, bytes, hits, misses int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(t.recent.Len()), t.bytes, t.hits, t.misses
}
