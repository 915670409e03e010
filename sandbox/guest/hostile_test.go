package guest_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// A fake guest is at the inner end of the stream in the place of ours: whoever
// has got hold of that end can send what they like.
type fake struct {
	stream io.WriteCloser
	w      *wire.Writer
	frames chan wire.Frame // what the client sends; closed with the stream
}

// against connects a client to a fake guest that greets it.
func against(t testing.TB, play func(fake)) *guest.Client {
	t.Helper()
	near, far := net.Pipe()
	f := fake{stream: far, w: wire.NewWriter(far), frames: make(chan wire.Frame)}
	var played sync.WaitGroup
	over := make(chan struct{})
	played.Go(func() {
		_ = f.w.JSON(wire.Hello, 0, wire.Greeting{Version: wire.Version})
		play(f)
	})
	played.Go(func() {
		defer close(f.frames)
		for r := wire.NewReader(far); ; {
			frame, err := r.Next()
			if err != nil {
				return
			}
			select {
			case f.frames <- frame:
			case <-over:
				return
			}
		}
	})
	c, err := guest.NewClient(t.Context(), near)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
		close(over)
		played.Wait()
	})
	return c
}

func TestAGuestThatIsNotOurs(t *testing.T) {
	ready := func(f fake, id uint32) error { return f.w.JSON(wire.Ready, id, wire.Listening{}) }
	credit := func(f fake, id, n uint32) error {
		return f.w.Frame(wire.Frame{Type: wire.Credit, Request: id, Payload: binary.BigEndian.AppendUint32(nil, n)})
	}
	result := func(f fake, id uint32, text string) error {
		return f.w.Frame(wire.Frame{Type: wire.Result, Request: id, Payload: []byte(text)})
	}
	ended := func(f fake, id uint32) error {
		return f.w.Frame(wire.Frame{Type: wire.Ended, Request: id, Payload: wire.AppendResult(nil, sandbox.Result{End: sandbox.EndExit})})
	}
	for _, row := range []struct {
		name string
		play func(f fake, id uint32) error // the answer to the first request
		// The error of the request; none where it gets an answer all the same.
		says   string
		broken bool // the client is of no use afterwards
	}{
		{"garbage in the place of a result", func(f fake, id uint32) error { return result(f, id, "garbage") }, "reading the guest's answer", false},
		{"garbage in the place of an error", func(f fake, id uint32) error {
			return f.w.Frame(wire.Frame{Type: wire.Failure, Request: id, Payload: []byte("[]")})
		}, "reading the guest's error", false},
		{"a result of another kind", func(f fake, id uint32) error { return result(f, id, `{"end":7}`) }, "reading the guest's answer", false},
		{"a result that is nested deeply", func(f fake, id uint32) error { return result(f, id, strings.Repeat("[", 1<<20)) }, "reading the guest's answer", false},
		{"an end that is cut off", func(f fake, id uint32) error {
			return f.w.Frame(wire.Frame{Type: wire.Ended, Request: id, Payload: []byte{200, 'x'}})
		}, "reading the guest's answer", false},
		{"two results", func(f fake, id uint32) error {
			return errors.Join(ended(f, id), result(f, id, "garbage"), f.w.JSON(wire.Failure, id, wire.Error{Kind: wire.KindBroken}))
		}, "", false},
		{"data after the result", func(f fake, id uint32) error {
			return errors.Join(ended(f, id), f.w.Frame(wire.Frame{Type: wire.Data, Request: id, Payload: make([]byte, 1<<20)}))
		}, "", false},
		{"frames for requests that nobody made", func(f fake, id uint32) error {
			for kind := range wire.Type(30) {
				if kind == wire.Accept {
					continue
				}
				for _, other := range []uint32{0, id + 1, wire.FirstOfGuest, math.MaxUint32} {
					if err := f.w.Frame(wire.Frame{Type: kind, Request: other, Payload: []byte("garbage")}); err != nil {
						return err
					}
				}
			}
			return ended(f, id)
		}, "", false},
		{"frames of no type", func(f fake, id uint32) error {
			return errors.Join(f.w.Frame(wire.Frame{Type: 200, Request: id}), f.w.Frame(wire.Frame{Type: wire.Hello, Request: id}), ended(f, id))
		}, "", false},
		{"ready many times", func(f fake, id uint32) error {
			for range 100 {
				if err := ready(f, id); err != nil {
					return err
				}
			}
			return ended(f, id)
		}, "", false},
		{"credit without end", func(f fake, id uint32) error {
			for range 1000 {
				if err := credit(f, id, math.MaxUint32); err != nil {
					return err
				}
			}
			return ended(f, id)
		}, "", false},
		{"credit that is none", func(f fake, id uint32) error {
			return f.w.Frame(wire.Frame{Type: wire.Credit, Request: id, Payload: []byte("x")})
		}, "not a credit", true},
		{"an error that says the sandbox is broken", func(f fake, id uint32) error { return f.w.JSON(wire.Failure, id, wire.Error{Kind: wire.KindBroken}) }, "", true},
		{"a connection with a number of ours", func(f fake, id uint32) error { return f.w.JSON(wire.Accept, id, wire.Accepted{}) }, "which is ours", true},
		{"a connection that is garbage", func(f fake, id uint32) error {
			return f.w.Frame(wire.Frame{Type: wire.Accept, Request: wire.FirstOfGuest, Payload: []byte("x")})
		}, "reading a connection", true},
		{"a connection of no offer", func(f fake, id uint32) error {
			return errors.Join(f.w.JSON(wire.Accept, wire.FirstOfGuest, wire.Accepted{Offer: id}), ended(f, id))
		}, "", false},
		{"a frame that is too large", func(f fake, _ uint32) error { return f.raw([]byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0}) }, "outside the protocol", true},
		{"a frame that is too small", func(f fake, _ uint32) error { return f.raw([]byte{0, 0, 0, 1, 1, 0, 0, 0, 0}) }, "outside the protocol", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := against(t, func(f fake) {
				first := <-f.frames
				done := make(chan struct{})
				go func() {
					defer close(done)
					_ = row.play(f, first.Request)
				}()
				for again := range f.frames { // every other request gets an honest answer
					if again.Type == wire.Request {
						<-done
						_ = f.w.Frame(wire.Frame{Type: wire.Result, Request: again.Request, Payload: []byte("{}")})
					}
				}
				<-done
			})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := c.Run(ctx, sandbox.Command{Argv: []string{"true"}, Stdin: strings.NewReader("x")})
			if row.says != "" {
				require.ErrorContains(t, err, row.says)
			} else if !row.broken {
				require.NoError(t, err)
			}
			_, err = c.Usage(ctx)
			if row.broken {
				require.ErrorIs(t, err, sandbox.ErrBroken)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// raw sends bytes as they are.
func (f fake) raw(b []byte) error {
	_, err := f.stream.Write(b)
	return err
}

// TestAGuestThatSendsWithoutEnd has guests that would fill our memory, and that
// do not care when they are told to stop.
func TestAGuestThatSendsWithoutEnd(t *testing.T) {
	const most = 300 << 20 // bytes that it sends, which is without end to all that has a bound
	chunk := make([]byte, wire.Chunk)
	run := func(ctx context.Context, c *guest.Client) error {
		_, err := c.Run(ctx, sandbox.Command{Argv: []string{"true"}})
		return err
	}
	read := func(ctx context.Context, c *guest.Client) error {
		_, err := c.ReadFile(ctx, "/file")
		return err
	}
	get := func(ctx context.Context, c *guest.Client) error { return c.GetTar(ctx, "/folder", io.Discard) }
	list := func(ctx context.Context, c *guest.Client) error {
		_, err := c.List(ctx, "/folder")
		return err
	}
	for _, row := range []struct {
		name   string
		ask    func(context.Context, *guest.Client) error
		honest bool   // it waits for credit, and ends at last
		says   string // the error
		broken bool
	}{
		{"a command", run, true, "sends more than the 16777316 bytes that it may", false},
		{"a command, without credit", run, false, "", true},
		{"a file", read, true, "sends more than the 268435456 bytes that it may", false},
		{"a file, without credit", read, false, "", true},
		{"a list, which has no data", list, true, "", false},
		{"an archive, which has no bound", get, true, "", false},
		{"an archive, without credit", get, false, "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := against(t, func(f fake) {
					first := <-f.frames
					credit := wire.Window
					for sent := 0; sent < most; sent += len(chunk) {
						for row.honest && credit < len(chunk) {
							came, ok := <-f.frames
							if !ok {
								return
							}
							if n, err := came.Credit(); err == nil {
								credit += n
							}
						}
						credit -= len(chunk)
						if f.w.Frame(wire.Frame{Type: wire.Data, Request: first.Request, Payload: chunk}) != nil {
							return
						}
					}
					if row.honest {
						_ = f.w.Frame(wire.Frame{Type: wire.Result, Request: first.Request, Payload: []byte("{}")})
					}
					for range f.frames { // it takes what comes
					}
				})
				err := row.ask(t.Context(), c)
				switch {
				case row.broken:
					require.ErrorIs(t, err, sandbox.ErrBroken)
				case row.says != "":
					require.ErrorContains(t, err, row.says)
					require.NotErrorIs(t, err, sandbox.ErrBroken)
				default:
					require.NoError(t, err)
				}
				if row.says == "" { // nothing of it was asked for, or it went on at once
					var m runtime.MemStats
					runtime.GC()
					runtime.ReadMemStats(&m)
					require.Less(t, m.HeapAlloc, uint64(64<<20), "bytes that are kept")
				}
			})
		})
	}
}

// TestAGuestThatNeverAnswers answers pings, and nothing else.
func TestAGuestThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := against(t, func(f fake) {
			for came := range f.frames {
				if came.Type == wire.Ping {
					_ = f.w.Frame(wire.Frame{Type: wire.Pong})
				}
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := c.Run(ctx, sandbox.Command{Argv: []string{"true"}})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, sandbox.ErrBroken)
	})
}

// TestAGuestThatIsSilent does not even answer pings. A caller who has set no
// deadline gets to know.
func TestAGuestThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := against(t, func(f fake) {
			for range f.frames {
			}
		})
		_, err := c.Run(t.Context(), sandbox.Command{Argv: []string{"true"}})
		require.ErrorIs(t, err, sandbox.ErrBroken)
		require.ErrorContains(t, err, "nothing was heard of the guest")
		require.Equal(t, wire.Silence, time.Since(began))
	})
}

// TestAGuestThatIsBusy answers after hours, and pings all the while.
func TestAGuestThatIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := against(t, func(f fake) {
			var asked uint32
			done := time.After(3 * time.Hour)
			for {
				select {
				case came, ok := <-f.frames:
					switch {
					case !ok:
						return
					case came.Type == wire.Ping:
						_ = f.w.Frame(wire.Frame{Type: wire.Pong})
					default:
						asked = came.Request
					}
				case <-done:
					_ = f.w.JSON(wire.Result, asked, sandbox.File{Name: "late"})
				}
			}
		})
		st, err := c.Stat(t.Context(), "/late")
		require.NoError(t, err)
		require.Equal(t, "late", st.Name)
	})
}

func TestAGuestOfAnotherVersion(t *testing.T) {
	for name, greet := range map[string]func(*wire.Writer) error{
		"the guest speaks version 3 of the protocol, not 2": func(w *wire.Writer) error { return w.JSON(wire.Hello, 0, wire.Greeting{Version: wire.Version + 1}) },
		"the guest did not say hello":                       func(w *wire.Writer) error { return w.Frame(wire.Frame{Type: wire.Pong}) },
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go func() { _ = greet(wire.NewWriter(far)) }()
			_, err := guest.NewClient(t.Context(), near)
			require.ErrorIs(t, err, sandbox.ErrBroken)
			require.ErrorContains(t, err, name)
		})
	}
}

// TestConnectionsWithoutEnd has a guest that opens connections of an offer, and
// of no offer, and reads nothing.
func TestConnectionsWithoutEnd(t *testing.T) {
	for _, real := range []bool{true, false} {
		t.Run(fmt.Sprintf("of an offer=%v", real), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := against(t, func(f fake) {
					first := <-f.frames
					_ = f.w.JSON(wire.Ready, first.Request, wire.Listening{})
					offer := first.Request
					if !real {
						offer++
					}
					for id := uint32(wire.FirstOfGuest); id < wire.FirstOfGuest+100_000; id++ {
						if f.w.JSON(wire.Accept, id, wire.Accepted{Offer: offer}) != nil {
							return
						}
					}
				})
				var dialled atomic.Int64
				o, err := c.Offer(t.Context(), sandbox.Address{Network: "tcp", Address: "0"}, func(ctx context.Context) (net.Conn, error) {
					dialled.Add(1)
					<-ctx.Done()
					return nil, ctx.Err()
				})
				require.NoError(t, err)
				synctest.Wait()
				require.Less(t, runtime.NumGoroutine(), 3000)
				require.LessOrEqual(t, dialled.Load(), int64(256))
				_, err = c.Usage(t.Context())
				require.ErrorIs(t, err, sandbox.ErrBroken)
				require.ErrorContains(t, err, "does not hear that they are refused")
				require.NoError(t, o.Close())
			})
		})
	}
}

// FuzzClient has a guest that sends any bytes while the client asks for all
// that there is.
func FuzzClient(f *testing.F) {
	frames := func(list ...wire.Frame) []byte {
		var b bytes.Buffer
		w := wire.NewWriter(&b)
		for _, frame := range list {
			_ = w.Frame(frame)
		}
		return b.Bytes()
	}
	for id := range uint32(8) {
		f.Add(frames(
			wire.Frame{Type: wire.Data, Request: id, Payload: []byte("data")},
			wire.Frame{Type: wire.Credit, Request: id, Payload: []byte{0xff, 0xff, 0xff, 0xff}},
			wire.Frame{Type: wire.Ready, Request: id, Payload: []byte(`{"address":{}}`)},
			wire.Frame{Type: wire.Accept, Request: wire.FirstOfGuest + id, Payload: []byte(`{"offer":6}`)},
			wire.Frame{Type: wire.Data, Request: wire.FirstOfGuest + id, Payload: []byte("data")},
			wire.Frame{Type: wire.Cancel, Request: wire.FirstOfGuest + id},
			wire.Frame{Type: wire.Data, Request: id},
			wire.Frame{Type: wire.Result, Request: id, Payload: []byte(`{"shell":1,"files":[{"name":"x"}],"end":"exit"}`)},
			wire.Frame{Type: wire.Ended, Request: id, Payload: wire.AppendResult(nil, sandbox.Result{End: sandbox.EndExit})},
			wire.Frame{Type: wire.Failure, Request: id, Payload: []byte(`{"kind":"broken"}`)},
			wire.Frame{Type: wire.Pong},
		))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := against(t, func(f fake) {
			go func() { // the client may ask before or after
				for range f.frames {
				}
			}()
			_, _ = f.stream.Write(b)
			_ = f.stream.Close()
		})
		ctx := t.Context()
		var asking sync.WaitGroup
		for _, ask := range []func() error{
			func() error {
				_, err := c.Run(ctx, sandbox.Command{Argv: []string{"x"}, Stdin: bytes.NewReader(make([]byte, 3<<20))})
				return err
			},
			func() error { _, err := c.ReadFile(ctx, "/x"); return err },
			func() error { _, err := c.List(ctx, "/x"); return err },
			func() error { return c.PutTar(ctx, "/x", bytes.NewReader(make([]byte, 3<<20))) },
			func() error {
				s, err := c.Shell(ctx, "/x")
				if err == nil {
					_, err = s.Run(ctx, "x", 0)
					_ = s.Close()
				}
				return err
			},
			func() error {
				conn, err := c.Dial(ctx, sandbox.Address{Network: "tcp", Address: "1"})
				if err == nil {
					_, err = io.Copy(conn, conn)
					_ = conn.Close()
				}
				return err
			},
			func() error {
				o, err := c.Offer(ctx, sandbox.Address{Network: "tcp", Address: "1"}, func(context.Context) (net.Conn, error) {
					near, far := net.Pipe()
					_ = far.Close()
					return near, nil
				})
				if err == nil {
					err = o.Close()
				}
				return err
			},
		} {
			asking.Go(func() { _ = ask() })
		}
		asking.Wait() // what it says matters less than that it ends
		_, err := c.Usage(ctx)
		require.ErrorIs(t, err, sandbox.ErrBroken)
	})
}
