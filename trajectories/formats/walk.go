package formats

import (
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// A source is one file, or a folder whose files are one trajectory together.
type source struct {
	path  string
	files []string
	// refused says why it is not even opened.
	refused string
}

// documents returns the documents of all files of the source. A node is good
// until the next one is asked for.
func (s source) documents(o document.Options) iter.Seq2[*document.Node, error] {
	return func(yield func(*document.Node, error) bool) {
		for _, path := range s.files {
			if !documents(path, o, yield) {
				return
			}
		}
	}
}

func documents(path string, o document.Options, yield func(*document.Node, error) bool) bool {
	d, err := document.Open(path, o)
	if err != nil {
		return yield(nil, err)
	}
	defer d.Close()
	for n, err := range d.Documents() {
		if !yield(n, err) {
			return false
		}
	}
	return true
}

// sources finds what is to be imported: the paths themselves, and the files in
// those that are folders, or links to some, sorted by name. Links in folders may
// lead anywhere, so they are refused; folders of git are left out.
func sources(paths []string, all []Format) iter.Seq2[source, error] {
	return func(yield func(source, error) bool) {
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil {
				yield(source{path: path}, fmt.Errorf("importing: %w", err))
				return
			}
			if !info.IsDir() {
				if !yield(sourceOf(path, info), nil) {
					return
				}
				continue
			}
			if !walk(path, all, yield) {
				return
			}
		}
	}
}

// sourceOf is the source that somebody has named. A file is read several times:
// for its digest, for its format and for what it holds. So a pipe cannot be one,
// and a device may never end.
func sourceOf(path string, info fs.FileInfo) source {
	s := source{path: path, files: []string{path}}
	if !info.Mode().IsRegular() {
		s.refused = "it is no regular file: put what it gives into one"
	}
	return s
}

func walk(root string, all []Format, yield func(source, error) bool) bool {
	more := true
	taken := map[string]bool{} // files that belong to a folder's trajectory
	if dir, whole := around(root, all); whole.files != nil {
		if !yield(whole, nil) {
			return false
		}
		for _, f := range whole.files {
			taken[f] = true
		}
		root = dir // as the files are named
	}
	// With a separator behind it, a root that is a link to a folder is that folder.
	err := filepath.WalkDir(root+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		switch {
		case unreadable(err) != "":
			if !yield(source{path: path, refused: unreadable(err)}, nil) {
				more = false
				return fs.SkipAll
			}
			return fs.SkipDir
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			files, err := together(path, all)
			if unreadable(err) != "" {
				return nil // as the walk finds out itself, and says
			}
			if err != nil || files == nil {
				return err
			}
			for _, f := range files {
				taken[f] = true
			}
			more = yield(source{path: path, files: files}, nil)
		case taken[path]:
		case d.Type().IsRegular():
			more = yield(source{path: path, files: []string{path}}, nil)
		case d.Type() == fs.ModeSymlink:
			more = yield(source{path: path, refused: "a link, which is not followed in a folder: name it by itself"}, nil)
		default:
			more = yield(source{path: path, refused: "neither a file nor a folder"}, nil)
		}
		if !more {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		yield(source{path: root}, fmt.Errorf("importing: %w", err))
		return false
	}
	return more
}

// together returns the files of a folder that are one trajectory, if it is
// such a folder for any format.
func together(dir string, all []Format) ([]string, error) {
	for _, f := range all {
		if f.Folder == nil {
			continue
		}
		if files, err := f.Folder(dir); err != nil || len(files) > 0 {
			return files, err
		}
	}
	return nil, nil
}

// around returns the source that a folder is only a part of, and the folder's
// absolute path: who names the folder with the events of a conversation means
// the conversation, which has its state beside them.
func around(dir string, all []Format) (string, source) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", source{}
	}
	parent := filepath.Dir(dir)
	files, err := together(parent, all)
	if err != nil { // of a folder that nobody has named
		return "", source{}
	}
	for _, f := range files {
		if filepath.Dir(f) == dir {
			return dir, source{path: parent, files: files}
		}
	}
	return "", source{}
}
