package llm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// An exchange is one HTTP request and its answer. It stands between go-openai
// and the network, keeps both bodies, and mends what the client library gets
// wrong:
//
//   - it cannot send a temperature of 0,
//   - it leaves out empty contents, which endpoints insist on in tool messages,
//   - it checks requests by the model's name against a list of its own, so it
//     is not told the name,
//   - it reads reasoning under the name reasoning_content alone, where vLLM
//     and OpenRouter say reasoning,
//   - it fails on tool calls whose arguments are an object, as some servers
//     write them, instead of a string.
type exchange struct {
	client *http.Client
	// set holds the fields that are put into the request.
	set map[string]any
	// reasoning is the name of the field that gives reasoning back, if any.
	reasoning string
	// before, where set, may refuse a request when its final form is known.
	before func(body []byte) error

	request    []byte // as it was sent; nil until then
	response   []byte // as it was received; nil until it was whole
	status     int    // zero until the answer was whole
	retryAfter time.Duration
}

// maxAnswer bounds the memory that an answer takes.
const maxAnswer = 64 << 20

// Do implements openai.HTTPDoer.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	body := x.outgoing(raw)
	if x.before != nil {
		if err := x.before(body); err != nil {
			return nil, err
		}
	}
	x.request = body
	req.Body = io.NopCloser(bytes.NewReader(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.ContentLength = int64(len(body))

	resp, err := x.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	x.retryAfter = retryAfter(resp.Header, time.Now())
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the answer was cut off: %w", err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	x.response, x.status = answer, resp.StatusCode
	resp.Body = io.NopCloser(bytes.NewReader(incoming(answer)))
	return resp, nil
}

func (x *exchange) outgoing(body []byte) []byte {
	return inObject(body, func(request fields) {
		for name, value := range x.set {
			request.put(name, value)
		}
		request["messages"] = inEach(request["messages"], func(m fields) {
			if _, ok := m["content"]; !ok {
				if _, calls := m["tool_calls"]; calls {
					m["content"] = json.RawMessage("null")
				} else {
					m["content"] = json.RawMessage(`""`)
				}
			}
			if text, ok := m["reasoning_content"]; ok {
				delete(m, "reasoning_content")
				if x.reasoning != "" {
					m[x.reasoning] = text
				}
			}
		})
	})
}

func incoming(body []byte) []byte {
	return inObject(body, func(answer fields) {
		answer["choices"] = inEach(answer["choices"], func(choice fields) {
			choice["message"] = inObject(choice["message"], func(m fields) {
				if isText(m["reasoning"]) && !isText(m["reasoning_content"]) {
					m["reasoning_content"] = m["reasoning"]
				}
				m["tool_calls"] = inEach(m["tool_calls"], func(call fields) {
					call["function"] = inObject(call["function"], func(f fields) {
						if arguments := f["arguments"]; len(arguments) > 0 && arguments[0] == '{' {
							f.put("arguments", string(arguments))
						}
					})
				})
			})
		})
	})
}

// fields are the members of a JSON object.
type fields map[string]json.RawMessage

func (f fields) put(name string, value any) {
	if raw, err := json.Marshal(value); err == nil {
		f[name] = raw
	}
}

// inObject changes a JSON object. Anything else stays as it is.
func inObject(raw json.RawMessage, change func(fields)) json.RawMessage {
	var f fields
	if json.Unmarshal(raw, &f) != nil || f == nil {
		return orNull(raw)
	}
	change(f)
	changed, err := json.Marshal(f)
	if err != nil {
		return raw
	}
	return changed
}

// inEach changes the objects of a JSON array. Anything else stays as it is.
func inEach(raw json.RawMessage, change func(fields)) json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || list == nil {
		return orNull(raw)
	}
	for i := range list {
		list[i] = inObject(list[i], change)
	}
	changed, err := json.Marshal(list)
	if err != nil {
		return raw
	}
	return changed
}

// orNull makes a member that was not there null, which says the same.
func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

func isText(raw json.RawMessage) bool { return len(raw) > 2 && raw[0] == '"' }

// record returns a body in the form that a turn keeps: valid JSON. A body that
// is no JSON becomes a string.
func record(body []byte) json.RawMessage {
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return quoted
}

// withoutHistory leaves out of a request what the log holds already. With it,
// a log would grow with the square of its turns.
func withoutHistory(request []byte) []byte {
	return inObject(request, func(f fields) {
		delete(f, "messages")
		delete(f, "tools")
	})
}
