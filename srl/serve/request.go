package serve

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
)

// A refusal is an error that a client is told, with a status.
type refusal struct {
	status int
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Errorf(format, args...)}
}

// clientGone is the status of requests that nobody waits for any more, as nginx
// has it. It is seen in metrics only.
const clientGone = 499

// post makes a handler of a function from a request's body to what the reply is
// the JSON of.
func (s *Server) post(answer func(r *http.Request, body []byte) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave, err := s.enter(w, r)
		if err != nil {
			s.failed(w, r, err)
			return
		}
		defer leave()
		body, err := s.read(w, r)
		var reply any
		if err == nil {
			reply, err = answer(r, body)
		}
		if err != nil {
			s.failed(w, r, err)
			return
		}
		// A reply may have parts of the request in it.
		text, err := json.Marshal(reply, jsontext.AllowInvalidUTF8(true))
		if err != nil {
			s.failed(w, r, fmt.Errorf("writing the reply: %w", err))
			return
		}
		write(w, http.StatusOK, text)
	})
}

// enter waits until there is room for a request.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) (leave func(), err error) {
	size := s.options.MaxRequest
	if r.ContentLength >= 0 && r.ContentLength < size && r.Header.Get("Content-Encoding") == "" {
		size = r.ContentLength
	}
	size += overhead
	if err := s.room.Acquire(r.Context(), size); err != nil {
		return nil, err
	}
	// Waiting was no fault of the client's. Not all writers have deadlines.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime))
	return func() { s.room.Release(size) }, nil
}

// read reads a request's body, unpacked.
func (s *Server) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	most := s.options.MaxRequest
	from := io.Reader(http.MaxBytesReader(w, r.Body, most))
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(from)
		if err != nil {
			return nil, unread(err, most)
		}
		from = unpacked
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, "Content-Encoding %q: use gzip, or none", encoding)
	}
	var body bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= most {
		body.Grow(int(r.ContentLength) + bytes.MinRead) // so that it is not grown again
	}
	n, err := body.ReadFrom(io.LimitReader(from, most+1))
	if err != nil {
		return nil, unread(err, most)
	}
	if n > most {
		return nil, tooLarge(most)
	}
	return body.Bytes(), nil
}

func tooLarge(most int64) error {
	return refuse(http.StatusRequestEntityTooLarge, "the request has more than %d bytes: send fewer groups at once", most)
}

// unread says why a body could not be read.
func unread(err error, most int64) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(most)
	}
	return refuse(http.StatusBadRequest, "reading the request: %w", err)
}

// parse reads JSON. Bytes that are not UTF-8, and escapes of lone surrogates, read
// as U+FFFD: models write such texts, and rewards are defined for them.
func parse(body []byte, into any, options ...json.Options) error {
	err := json.Unmarshal(body, into, append(options, jsontext.AllowInvalidUTF8(true))...)
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused
	}
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		at := cmp.Or(strings.ReplaceAll(strings.TrimPrefix(string(wrong.JSONPointer), "/"), "/", "."), "the request")
		if wrong.Err != nil {
			return refuse(http.StatusBadRequest, "%s: %w", at, wrong.Err)
		}
		return refuse(http.StatusBadRequest, "%s: a JSON %s was not to be here", at, wrong.JSONKind)
	}
	return refuse(http.StatusBadRequest, "the request cannot be read: %w", err)
}

// A str is a JSON string. Null, which would read as an empty string, is none.
type str string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (s *str) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != jsontext.KindString {
		return fmt.Errorf("want a string, and not %s", token.Kind())
	}
	*s = str(token.String())
	return nil
}

// failed answers with an error.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	switch refused, ok := errors.AsType[*refusal](err); {
	case ok:
		status = refused.status
	case r.Context().Err() != nil:
		status = clientGone
	default:
		s.options.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	}
	text, wrong := json.Marshal(map[string]string{"error": err.Error()}, jsontext.AllowInvalidUTF8(true))
	if wrong != nil {
		text = []byte(`{"error":"internal"}`)
	}
	write(w, status, text)
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone needs no reply
}

// recovered answers requests whose handler panics with 500.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.options.Log.ErrorContext(r.Context(), "a request made the server panic", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				write(w, http.StatusInternalServerError, []byte(`{"error":"the server failed on this request; its log says how"}`))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// authorized lets requests through that carry the token, and those for /healthz.
func (s *Server) authorized(next http.Handler) http.Handler {
	if s.options.Token == "" {
		return next
	}
	want := sha256.Sum256([]byte(s.options.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if _, password, ok := r.BasicAuth(); ok {
			token = password
		} else if !strings.EqualFold(scheme, "Bearer") {
			token = ""
		}
		// Digests have one length, which is all that the comparison could tell.
		got := sha256.Sum256([]byte(token))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 && r.URL.Path != "/healthz" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			write(w, http.StatusUnauthorized, []byte(`{"error":"the token is missing or wrong"}`))
			return
		}
		next.ServeHTTP(w, r)
	})
}
