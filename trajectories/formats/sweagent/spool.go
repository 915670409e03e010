package sweagent

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// chunk is how much is written at a time, in bytes.
const chunk = 32 << 10

// A spool is a list of messages in a temporary file. A .traj has the history
// behind the steps, and steps repeat runs of it: so it is written beside them
// and copied, and an export needs neither a second pass nor memory. The zero
// value is an empty list.
type spool struct {
	file *os.File
	w    *bufio.Writer
	ends []int64 // where each message ends
}

// add adds a message at the end.
func (s *spool) add(message json.RawMessage) error {
	if s.file == nil {
		file, err := os.CreateTemp("", "history-*.json")
		if err != nil {
			return fmt.Errorf("spooling the history: %w", err)
		}
		s.file, s.w = file, bufio.NewWriterSize(file, chunk)
		// The name may go at once: the file lives as long as it is open.
		if err := os.Remove(file.Name()); err != nil {
			return fmt.Errorf("spooling the history: %w", err)
		}
	}
	end := s.end(s.len()) + int64(len(message))
	if s.len() > 0 {
		end++
		if err := s.w.WriteByte(','); err != nil {
			return fmt.Errorf("spooling the history: %w", err)
		}
	}
	if _, err := s.w.Write(message); err != nil {
		return fmt.Errorf("spooling the history: %w", err)
	}
	s.ends = append(s.ends, end)
	return nil
}

// len is the number of messages.
func (s *spool) len() int { return len(s.ends) }

// end is where the first n messages end.
func (s *spool) end(n int) int64 {
	if n == 0 {
		return 0
	}
	return s.ends[n-1]
}

// copy writes messages from one, from 0, up to another as elements of a list.
func (s *spool) copy(w *bufio.Writer, from, to int) error {
	if from >= to {
		return nil
	}
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("spooling the history: %w", err)
	}
	start := s.end(from)
	if from > 0 {
		start++ // the comma
	}
	_, err := io.Copy(w, io.NewSectionReader(s.file, start, s.end(to)-start))
	return err
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
