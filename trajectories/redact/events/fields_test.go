package events_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
	"github.com/apprentice-rl/apprentice/trajectories/redact"
	"github.com/apprentice-rl/apprentice/trajectories/redact/events"
)

// secret is known to the redactors of these tests.
const secret = "correct-horse-battery"

func redactor(t testing.TB) *redact.Redactor {
	t.Helper()
	r, err := redact.New(map[string]string{"DB_PASSWORD": secret}, redact.Options{Key: []byte("a key for tests only")})
	require.NoError(t, err)
	return r
}

// Texts that are not gone over, and why.
var leftOut = map[string]string{
	"Header.Run":                            "the user names it",
	"Header.Sandbox.Driver":                 "names a driver",
	"Header.Sandbox.Image":                  "a digest",
	"Header.Source.Format":                  "names a format",
	"Header.Source.SHA256":                  "a digest",
	"Header.Source.Importer":                "names a program",
	"Observation.Observation.Result.Signal": "a closed set",
	"Observation.Observation.Result.Output": "not in the log",
	"End.Patch":                             "never altered",
	"End.Submission":                        "never altered",
}

// Whoever adds a text to the events has to say whether secrets are taken out.
func TestEveryTextOfTheEventsIsGoneOverOrKnownNotToBe(t *testing.T) {
	got := map[string]bool{}
	for field := range reflect.TypeFor[trajectories.Event]().Fields() {
		if field.Type.Kind() != reflect.Pointer {
			continue
		}
		e := trajectories.Event{}
		fill(t, field.Name, reflect.ValueOf(&e).Elem().FieldByIndex(field.Index))
		out := events.New(redactor(t)).Event(e)
		require.Contains(t, asText(t, e), secret, "the event that was given stays as it is")
		find(field.Name, reflect.ValueOf(out).FieldByIndex(field.Index), got)
	}
	for path := range got {
		require.Contains(t, leftOut, path, "not gone over: treat it in visitor.go, or name the reason here")
	}
	for path := range leftOut {
		require.Contains(t, got, path, "it is gone over after all, or is no more")
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

var rawJSON = reflect.TypeFor[json.RawMessage]()

// fill puts the secret wherever a text can be.
func fill(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch {
	case v.Type() == rawJSON:
		v.SetBytes([]byte(`{"k":"` + secret + `"}`))
	case v.Kind() == reflect.String:
		switch {
		case v.Type() != reflect.TypeFor[string](): // of a closed set
		case path == "Turn.Calls.Text":
			v.SetString(`{"k": "` + secret + `"}`)
		case path == "End.Patch", path == "End.Submission":
			v.SetString("not like other texts: " + secret)
		default:
			v.SetString(secret)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, path, v.Elem())
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte(secret))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, path, v.Index(0))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				fill(t, path+"."+f.Name, v.Field(i))
			}
		}
	case v.Kind() == reflect.Map:
		known := []string{"Header.Sandbox.Enforcement", "End.Redactions"}
		require.True(t, slices.Contains(known, path), "%s: a map of which nobody knows whether it holds texts", path)
	case slices.Contains([]reflect.Kind{reflect.Int, reflect.Int64, reflect.Float64, reflect.Bool}, v.Kind()):
	default:
		require.Fail(t, "a field of an unknown type", "%s: %s", path, v.Type())
	}
}

// find notes where the secret is.
func find(path string, v reflect.Value, found map[string]bool) {
	switch {
	case v.Kind() == reflect.String:
		if strings.Contains(v.String(), secret) {
			found[path] = true
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		if strings.Contains(string(v.Bytes()), secret) {
			found[path] = true
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		find(path, v.Elem(), found)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			find(path, v.Index(i), found)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				find(path+"."+f.Name, v.Field(i), found)
			}
		}
	}
}
