package serve

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/apprentice-rl/apprentice/srl/format"
)

// openRLHF answers OpenRLHF's --reward.remote_url. Its queries are the prompts and
// the outputs as one text.
func (s *Server) openRLHF(r *http.Request, body []byte) (any, error) {
	var request struct {
		Queries []str    `json:"query"`
		Prompts []str    `json:"prompts"`
		Labels  []string `json:"labels"`
	}
	if err := parse(body, &request); err != nil {
		return nil, err
	}
	n := len(request.Queries)
	if n == 0 && len(request.Prompts)+len(request.Labels) == 0 {
		// Of several servers that OpenRLHF has, some get nothing.
		return map[string]any{"rewards": []number{}, "scores": []number{}, "extra_logs": map[string]any{}}, nil
	}
	if n != len(request.Prompts) || n != len(request.Labels) {
		return nil, refuse(http.StatusBadRequest, "there are %d query, %d prompts and %d labels: want as many of each", n, len(request.Prompts), len(request.Labels))
	}
	groups := make([]group, n)
	for i, query := range request.Queries {
		output, ok := completion(string(query), string(request.Prompts[i]))
		if !ok {
			return nil, refuse(http.StatusBadRequest, "query.%d does not begin with prompts.%d, so that the output cannot be told from the prompt", i, i)
		}
		groups[i] = group{Label: request.Labels[i], Outputs: []str{withoutSpecialTokens(output)}}
	}
	results, err := s.groups(r.Context(), groups)
	if err != nil {
		return nil, err
	}
	rewards, broken := make([]number, n), make([]number, n)
	for i, g := range results {
		got := g.scores[0]
		if got.NotScored != "" { // a list with a gap would become a number
			return nil, refuse(http.StatusServiceUnavailable, "query.%d: not scored: %s", i, got.NotScored)
		}
		rewards[i] = number(got.Value)
		if got.Violation != "" {
			broken[i] = 1
		}
	}
	type reply struct {
		Rewards any            `json:"rewards"`
		Scores  any            `json:"scores"`
		Logs    map[string]any `json:"extra_logs"`
	}
	if n == 1 {
		// It sends one sample at a time, and makes torch.tensor([rewards]) of the
		// reply, which must not have a list in the list.
		return reply{rewards[0], rewards[0], map[string]any{"format_error": broken[0]}}, nil
	}
	return reply{rewards, rewards, map[string]any{"format_error": broken}}, nil
}

// leastOverlap is how many bytes of a prompt must stand at the beginning of a query
// for it to be known as the rest of a prompt that was cut on the left.
const leastOverlap = 64

// completion cuts the prompt off a query. OpenRLHF cuts prompts that are too long
// on the left, so that a query may begin with the end of its prompt.
func completion(query, prompt string) (string, bool) {
	if rest, ok := strings.CutPrefix(query, prompt); ok {
		return rest, true
	}
	n := overlap(prompt, query)
	return query[n:], n >= leastOverlap
}

// overlap is the length of the longest end of a that b begins with.
func overlap(a, b string) int {
	b = b[:min(len(a), len(b))]
	// The borders of b, as in the algorithm of Knuth, Morris and Pratt: prompts
	// are long and repetitive.
	border := make([]int, len(b)+1)
	next := func(k int, c byte) int {
		for k > 0 && (k == len(b) || b[k] != c) {
			k = border[k]
		}
		if k < len(b) && b[k] == c {
			k++
		}
		return k
	}
	for i, k := 1, 0; i < len(b); i++ {
		k = next(k, b[i])
		border[i+1] = k
	}
	k := 0
	for i := range len(a) {
		k = next(k, a[i])
	}
	return k
}

// specialTokens are those that models end with. No action of any language ends so.
var specialTokens = regexp.MustCompile(`(?:\s*(?:<\|[^\s<>|]{1,40}\|>|<｜[^\s<>]{1,40}｜>|</s>|<eos>|<pad>|<end_of_turn>|\[PAD\]))+\s*$`)

// withoutSpecialTokens cuts special tokens off the end of an output, for trainers
// that decode with them.
func withoutSpecialTokens(output string) str {
	for { // from the right, and only as far as tokens go: outputs may be megabytes
		tail := output[max(0, len(output)-4096):]
		n := len(specialTokens.FindString(tail))
		if n == 0 {
			return str(output)
		}
		output = output[:len(output)-n]
	}
}

// slime answers slime's --rm-url: with a number, or, asked for details, with an
// object for --reward-key reward.
func (s *Server) slime(r *http.Request, body []byte) (any, error) {
	var request struct {
		Response *string `json:"response"`
		Label    string  `json:"label"`
	}
	if err := parse(body, &request); err != nil {
		return nil, err
	}
	if request.Response == nil {
		return nil, refuse(http.StatusBadRequest, "there is no response")
	}
	got, err := s.one(r.Context(), request.Label, withoutSpecialTokens(*request.Response))
	if err != nil {
		return nil, err
	}
	if !r.URL.Query().Has("details") {
		return number(got.Value), nil
	}
	return struct {
		Reward    number           `json:"reward"`
		Violation format.Violation `json:"violation"`
	}{number(got.Value), got.Violation}, nil
}
