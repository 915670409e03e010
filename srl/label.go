package srl

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/apprentice-rl/apprentice/srl/reward"
)

// A Label is all that scoring an answer to an example takes. Every feed has it
// as one text, which the trainer hands to its reward hook as it is.
type Label struct {
	ID     string        `json:"id"`     // the example's
	Action string        `json:"action"` // the expert's
	Reward reward.Reward `json:"reward"`
	// Check is a digest of ID and Action: it tells that the two belong together
	// where a trainer has mixed up its rows.
	Check string `json:"check"`
}

// ErrLabel is what errors about labels match: one that cannot be read, or one
// whose id and action do not belong together. It is never the model's fault.
var ErrLabel = errors.New("bad label")

// Label returns what scores answers to an example.
func (e Example) Label() Label {
	return Label{ID: e.ID, Action: e.Action, Reward: e.Reward, Check: check(e.ID, e.Action)}
}

// Text returns a label as the text that ParseLabel reads.
func (l Label) Text() (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(l)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// ParseLabel reads a label. The error matches ErrLabel.
func ParseLabel(text string) (Label, error) {
	var l Label
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return Label{}, fmt.Errorf("%w: %w", ErrLabel, err)
	}
	if l.Check != check(l.ID, l.Action) {
		return Label{}, fmt.Errorf("%w: the action is not that of example %s", ErrLabel, l.ID)
	}
	return l, nil
}

// check is the first 8 bytes of SHA-256 over the id, a zero byte, and the action.
func check(id, action string) string {
	sum := sha256.Sum256([]byte(id + "\x00" + action))
	return hex.EncodeToString(sum[:8])
}
