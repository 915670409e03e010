package guest

import (
	"bytes"
	"context"
	"io"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// ReadFile returns the contents of a regular file of up to 256 MiB. The error
// matches fs.ErrNotExist if there is none.
func (c *Client) ReadFile(ctx context.Context, path string) ([]byte, error) {
	b := bounded{room: wire.MaxRead}
	if err := c.call(ctx, wire.Call{Op: wire.OpRead, Path: path}, exchange{out: &b}, nil); err != nil {
		return nil, err
	}
	return b.b, nil
}

// WriteFile writes a regular file, making its parent folders as needed. The
// mode of a file that exists is kept; a new one gets 0644. After an error, and
// when ctx ends first, the file may hold a part of data.
func (c *Client) WriteFile(ctx context.Context, path string, data []byte) error {
	return c.call(ctx, wire.Call{Op: wire.OpWrite, Path: path}, exchange{in: bytes.NewReader(data)}, nil)
}

// Stat returns what is known of a file; links are followed. The error matches
// fs.ErrNotExist if there is none.
func (c *Client) Stat(ctx context.Context, path string) (sandbox.File, error) {
	var f sandbox.File
	err := c.call(ctx, wire.Call{Op: wire.OpStat, Path: path}, exchange{}, &f)
	return f, err
}

// List returns the files of a folder by name, up to 4,000 of them. Links are
// not followed.
func (c *Client) List(ctx context.Context, path string) ([]sandbox.File, error) {
	var l wire.Files
	err := c.call(ctx, wire.Call{Op: wire.OpList, Path: path}, exchange{}, &l)
	return l.Files, err
}

// Edit edits a file, and returns how often the text to be replaced occurs in
// it. Unless that is as often as edit says, nothing is changed.
func (c *Client) Edit(ctx context.Context, path string, edit sandbox.Edit) (found int, err error) {
	var e wire.Edited
	err = c.call(ctx, wire.Call{Op: wire.OpEdit, Path: path, Edit: &edit}, exchange{}, &e)
	return e.Found, err
}

// Search returns the lines that match in the regular files at and below path,
// in the order of their names. Binary files are left out. More says that there
// are more of them than the limit, or than the half megabyte that one answer
// holds.
func (c *Client) Search(ctx context.Context, path string, search sandbox.Search) (matches []sandbox.Match, more bool, err error) {
	var f wire.Found
	err = c.call(ctx, wire.Call{Op: wire.OpSearch, Path: path, Search: &search}, exchange{}, &f)
	return f.Matches, f.More, err
}

// PutTar unpacks a tar stream below dir. No name in it can lead outside dir.
// It reads tar to its end unless it returns an error.
func (c *Client) PutTar(ctx context.Context, dir string, tar io.Reader) error {
	return c.call(ctx, wire.Call{Op: wire.OpUntar, Path: dir}, exchange{in: tar}, nil)
}

// GetTar writes the file or folder at path to w as a tar stream, with names
// relative to the parent of path.
func (c *Client) GetTar(ctx context.Context, path string, w io.Writer) error {
	return c.call(ctx, wire.Call{Op: wire.OpTar, Path: path}, exchange{out: w}, nil)
}
