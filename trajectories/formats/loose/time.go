package loose

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// A Time is a point in time: text of ISO 8601, which is taken as UTC where it
// names no zone, or seconds since 1970.
type Time struct {
	time.Time
	// Text is the value as it was, for times that are not written as a log
	// writes them; empty for those that are.
	Text string
}

// UnmarshalJSON takes any string and number. What is no time gives the zero
// time, and is in Text.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s String
	if err := s.UnmarshalJSON(b); err != nil {
		return err
	}
	*t = ParseTime(string(s))
	return nil
}

// ParseTime reads a time.
func ParseTime(text string) Time {
	if text == "" {
		return Time{}
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil && year(at) {
		if at.Format(time.RFC3339Nano) == text {
			return Time{Time: at}
		}
		return Time{at, text}
	}
	iso := strings.Replace(text, " ", "T", 1)
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05-0700"} {
		if at, err := time.Parse(form, iso); err == nil && year(at) {
			return Time{at, text}
		}
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e11 {
		// A float64 holds today's seconds to the microsecond and not further.
		whole, fraction := math.Modf(seconds)
		micro := int64(math.Round(fraction * 1e6))
		return Time{time.Unix(int64(whole), micro*1000).UTC(), text}
	}
	return Time{Text: text}
}

// year reports whether JSON can hold the time.
func year(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }
