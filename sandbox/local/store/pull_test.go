//go:build linux

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apprentice-rl/apprentice/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeRegistry is a real registry in memory, that counts what is asked of it,
// and answers something else where the test says so.
type fakeRegistry struct {
	host      string
	blobs     atomic.Int64
	manifests atomic.Int64
	instead   func(w http.ResponseWriter, r *http.Request) bool
}

func newRegistry(t *testing.T) *fakeRegistry {
	t.Helper()
	f := &fakeRegistry{}
	honest := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			f.blobs.Add(1)
		}
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/") {
			f.manifests.Add(1)
		}
		if f.instead != nil && f.instead(w, r) {
			return
		}
		honest.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.host = strings.TrimPrefix(server.URL, "http://")
	return f
}

func (f *fakeRegistry) push(t *testing.T, repository string, img v1.Image) string {
	t.Helper()
	ref, err := name.ParseReference(f.host + "/" + repository)
	require.NoError(t, err)
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	require.NoError(t, remote.Write(ref, img, remote.WithTransport(transport)))
	return ref.Name()
}

// image makes an image for this machine out of layers.
func image(t *testing.T, config v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	require.NoError(t, err)
	file, err := img.ConfigFile()
	require.NoError(t, err)
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	img, err = mutate.ConfigFile(img, file)
	require.NoError(t, err)
	return img
}

func layer(t *testing.T, items ...item) v1.Layer {
	t.Helper()
	data := pack(t, items...)
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
	require.NoError(t, err)
	return l
}

func held(t *testing.T, s *Store, reference string) Image {
	t.Helper()
	img, release, err := s.Hold(t.Context(), reference)
	require.NoError(t, err)
	t.Cleanup(release)
	return img
}

func TestAnImageOfARegistry(t *testing.T) {
	var told []sandbox.Progress
	s := testStore(t, Options{Progress: func(p sandbox.Progress) { told = append(told, p) }})
	r := newRegistry(t)
	pushed := image(t, v1.Config{Env: []string{"A=b"}, WorkingDir: "/work", User: "me"},
		layer(t, file("etc/passwd", "me:x:7:8::/home/me:/bin/sh\n"), file("a", "x")),
		layer(t, file(".wh.a", ""), file("b", "y")))
	digest, err := pushed.Digest()
	require.NoError(t, err)
	ref := r.push(t, "app/one:tag", pushed)

	img := held(t, s, ref)
	require.Equal(t, digest.String(), img.Digest)
	require.Equal(t, Config{Env: []string{"A=b"}, WorkingDir: "/work", User: User{UID: 7, GID: 8, Name: "me", Home: "/home/me"}}, img.Config)
	folders := s.Folders(img)
	require.Len(t, folders, 2)
	require.Equal(t, []string{"a removed", "b 644 y"}, tree(t, folders[0]))
	require.Contains(t, tree(t, folders[1]), "a 644 x")
	require.NotEmpty(t, told)
	last := told[len(told)-1]
	require.Equal(t, last.Total, last.Done)
	require.Equal(t, ref, last.Image)

	asked := r.manifests.Load()
	require.Equal(t, img.Digest, held(t, s, ref).Digest)
	require.Equal(t, img.Layers, held(t, s, r.host+"/app/one@"+img.Digest).Layers)
	require.Equal(t, asked+1, r.manifests.Load(), "what is there under that name is not asked for again")
	require.Equal(t, int64(3+1), r.blobs.Load(), "and no layer twice")
}

// TestEachLayerIsFetchedOnce has two stores, which stand for two processes, and
// many who want the same image at the same time, or one with a layer of it.
func TestEachLayerIsFetchedOnce(t *testing.T) {
	r := newRegistry(t)
	shared, err := random.Layer(1<<20, "application/vnd.oci.image.layer.v1.tar+gzip")
	require.NoError(t, err)
	one := r.push(t, "one:1", image(t, v1.Config{}, shared, layer(t, file("one", "1"))))
	two := r.push(t, "two:1", image(t, v1.Config{}, shared, layer(t, file("two", "2"))))
	first := testStore(t, Options{})
	second, err := Open(first.dir, Options{})
	require.NoError(t, err)
	defer second.Close()
	var wg sync.WaitGroup
	errs := make([]error, 32)
	for i := range errs {
		wg.Go(func() {
			_, release, err := []*Store{first, second}[i%2].Hold(t.Context(), []string{one, two}[i/2%2])
			if err == nil {
				release()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, int64(3+2), r.blobs.Load(), "three layers and two configurations")
	left, err := filepath.Glob(filepath.Join(first.dir, "layers", ".new-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestLayersArePackedInSeveralWays(t *testing.T) {
	plain := pack(t, file("a", strings.Repeat("x", 100_000)))
	var zipped, zstandard bytes.Buffer
	g := gzip.NewWriter(&zipped)
	_, err := g.Write(plain)
	require.NoError(t, err)
	require.NoError(t, g.Close())
	z, err := zstd.NewWriter(&zstandard)
	require.NoError(t, err)
	_, err = z.Write(plain)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, data := range map[string][]byte{"plain": plain, "gzip": zipped.Bytes(), "zstd": zstandard.Bytes()} {
		t.Run(name, func(t *testing.T) {
			s := testStore(t, Options{})
			l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
			require.NoError(t, err)
			img := held(t, s, newRegistry(t).push(t, "packed:1", image(t, v1.Config{}, l)))
			require.Equal(t, []string{"a 644 " + strings.Repeat("x", 100_000)}, tree(t, s.Folders(img)[0]))
		})
	}
}

func TestRegistriesThatDoNotWork(t *testing.T) {
	status := func(code int, wait string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", wait)
			w.WriteHeader(code)
			return true
		}
	}
	for name, tt := range map[string]struct {
		instead func(http.ResponseWriter, *http.Request) bool
		want    error
	}{
		"out of order":                  {status(503, "0"), sandbox.ErrUnavailable},
		"too many requests":             {status(429, "0"), sandbox.ErrUnavailable},
		"too many requests for an hour": {status(429, "3600"), sandbox.ErrUnavailable},
		"no such image":                 {nil, sandbox.ErrNoImage},
		"not for us":                    {status(403, ""), sandbox.ErrNoImage},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t)
			r.instead = tt.instead
			_, _, err := testStore(t, Options{}).Hold(t.Context(), r.host+"/no/such:image")
			require.ErrorIs(t, err, tt.want)
			for _, other := range []error{sandbox.ErrUnavailable, sandbox.ErrNoImage} {
				require.Equal(t, errors.Is(tt.want, other), errors.Is(err, other))
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		_, _, err := testStore(t, Options{}).Hold(t.Context(), "127.0.0.1:1/no/such:image")
		require.ErrorIs(t, err, sandbox.ErrUnavailable)
	})
	t.Run("no such host", func(t *testing.T) {
		_, _, err := testStore(t, Options{}).Hold(t.Context(), "apprentice.invalid/no/such:image")
		require.ErrorIs(t, err, sandbox.ErrNoImage)
	})
}

func TestABusyRegistryIsAskedAgain(t *testing.T) {
	r := newRegistry(t)
	ref := r.push(t, "busy:1", image(t, v1.Config{}, layer(t, file("a", "x"))))
	var asked sync.Map
	r.instead = func(w http.ResponseWriter, req *http.Request) bool {
		n, _ := asked.LoadOrStore(req.URL.Path, new(atomic.Int64))
		switch n.(*atomic.Int64).Add(1) {
		case 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		case 2:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusBadGateway)
			return true
		case 3: // and breaks off in the middle
			if strings.Contains(req.URL.Path, "/blobs/") {
				w.Header().Set("Content-Length", "1000000")
				_, _ = w.Write([]byte{0x1f, 0x8b})
				return true
			}
		}
		return false
	}
	s := testStore(t, Options{})
	for range 3 { // the configuration is not asked for again by itself
		if _, release, err := s.Hold(t.Context(), ref); err == nil {
			release()
			break
		}
	}
	require.Equal(t, []string{"a 644 x"}, tree(t, s.Folders(held(t, s, ref))[0]))
}

func TestContentsThatAreNotWhatTheirDigestSays(t *testing.T) {
	img := image(t, v1.Config{}, layer(t, file("a", "right")))
	manifest, err := img.Manifest()
	require.NoError(t, err)
	other := layer(t, file("a", "wrong"))
	rc, err := other.Compressed()
	require.NoError(t, err)
	wrong, err := io.ReadAll(rc)
	require.NoError(t, err)
	for name, digest := range map[string]v1.Hash{"a layer": manifest.Layers[0].Digest, "the configuration": manifest.Config.Digest} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p, err := layout.Write(dir, empty.Index)
			require.NoError(t, err)
			require.NoError(t, p.AppendImage(img))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "blobs", "sha256", digest.Hex), wrong, 0o644))
			s := testStore(t, Options{})
			_, _, err = s.Hold(t.Context(), "oci:"+dir)
			require.ErrorContains(t, err, "instead of")
			require.NotErrorIs(t, err, sandbox.ErrUnavailable)
			layers, err := filepath.Glob(filepath.Join(s.dir, "layers", "*", "*"))
			require.NoError(t, err)
			require.Empty(t, layers)
		})
	}
	t.Run("a layer, unpacked", func(t *testing.T) {
		lying, err := mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH,
			RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{manifest.Config.Digest}}})
		require.NoError(t, err)
		dir := t.TempDir()
		p, err := layout.Write(dir, empty.Index)
		require.NoError(t, err)
		require.NoError(t, p.AppendImage(lying))
		_, _, err = testStore(t, Options{}).Hold(t.Context(), "oci:"+dir)
		require.ErrorContains(t, err, "instead of")
	})
}

func TestImagesOfAnOCILayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "with:colon")
	p, err := layout.Write(dir, empty.Index)
	require.NoError(t, err)
	digests := map[string]string{}
	for _, tag := range []string{"one", "two"} {
		img := image(t, v1.Config{}, layer(t, file(tag, tag)))
		digest, err := img.Digest()
		require.NoError(t, err)
		digests[tag] = digest.String()
		require.NoError(t, p.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag})))
	}
	s := testStore(t, Options{})
	for tag, digest := range digests {
		require.Equal(t, digest, held(t, s, "oci:"+dir+":"+tag).Digest)
		img := held(t, s, "oci:"+dir+"@"+digest)
		require.Equal(t, digest, img.Digest)
		require.Equal(t, []string{tag + " 644 " + tag}, tree(t, s.Folders(img)[0]))
	}
	_, _, err = s.Hold(t.Context(), "oci:"+dir+":three")
	require.ErrorIs(t, err, sandbox.ErrNoImage)
	require.ErrorContains(t, err, "one, two")
	_, _, err = s.Hold(t.Context(), "oci:"+dir)
	require.ErrorIs(t, err, sandbox.ErrNoImage)
	require.ErrorContains(t, err, "name one")
	_, _, err = s.Hold(t.Context(), "oci:"+t.TempDir())
	require.ErrorIs(t, err, sandbox.ErrNoImage)
	_, _, err = s.Hold(t.Context(), "oci:/no/such/folder")
	require.ErrorIs(t, err, sandbox.ErrNoImage)
}

func TestImagesOfADockerArchive(t *testing.T) {
	tag, err := name.NewTag("app:1")
	require.NoError(t, err)
	other, err := name.NewTag("app:2")
	require.NoError(t, err)
	one, two := image(t, v1.Config{User: "7"}, layer(t, file("a", "1"))), image(t, v1.Config{}, layer(t, file("a", "2")))
	dir := t.TempDir()
	both, single, zipped := filepath.Join(dir, "both.tar"), filepath.Join(dir, "single.tar"), filepath.Join(dir, "single.tar.gz")
	require.NoError(t, tarball.MultiRefWriteToFile(both, map[name.Reference]v1.Image{tag: one, other: two}))
	require.NoError(t, tarball.WriteToFile(single, tag, one))
	data, err := os.ReadFile(single)
	require.NoError(t, err)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(zipped, b.Bytes(), 0o644))

	id, err := one.ConfigName()
	require.NoError(t, err)
	s := testStore(t, Options{})
	for _, ref := range []string{single, zipped, single + ":app:1", both + ":app:1", both + ":docker.io/library/app:1"} {
		for range 2 { // the second time it is known
			img := held(t, s, "docker-archive:"+ref)
			require.Equal(t, id.String(), img.Digest, ref)
			require.Equal(t, 7, img.Config.User.UID)
			require.Equal(t, []string{"a 644 1"}, tree(t, s.Folders(img)[0]))
		}
	}
	require.Equal(t, []string{"a 644 2"}, tree(t, s.Folders(held(t, s, "docker-archive:"+both+":app:2"))[0]))
	_, _, err = s.Hold(t.Context(), "docker-archive:"+both)
	require.ErrorIs(t, err, sandbox.ErrNoImage)
	require.ErrorContains(t, err, "app:2")
	require.NoError(t, os.WriteFile(single, []byte("not a tar"), 0o644))
	_, _, err = s.Hold(t.Context(), "docker-archive:"+single)
	require.ErrorIs(t, err, sandbox.ErrNoImage)
	left, err := filepath.Glob(filepath.Join(s.dir, "layers", ".new-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestTheImageForThisMachineIsChosen(t *testing.T) {
	here := image(t, v1.Config{}, layer(t, file("a", "here")))
	elsewhere := image(t, v1.Config{}, layer(t, file("a", "elsewhere")))
	index := func(platforms map[string]v1.Image) v1.ImageIndex {
		x := v1.ImageIndex(empty.Index)
		for p, img := range platforms {
			system, architecture, _ := strings.Cut(p, "/")
			x = mutate.AppendManifests(x, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: system, Architecture: architecture}}})
		}
		return x
	}
	write := func(x v1.ImageIndex) string {
		dir := t.TempDir()
		_, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: x}))
		require.NoError(t, err)
		return "oci:" + dir
	}
	s := testStore(t, Options{})
	img := held(t, s, write(index(map[string]v1.Image{"linux/" + runtime.GOARCH: here, "linux/mips": elsewhere, "unknown/unknown": elsewhere})))
	require.Equal(t, []string{"a 644 here"}, tree(t, s.Folders(img)[0]))
	_, _, err := s.Hold(t.Context(), write(index(map[string]v1.Image{"linux/mips": elsewhere, "windows/riscv": here, "unknown/unknown": elsewhere})))
	require.ErrorIs(t, err, sandbox.ErrNoImage)
	require.ErrorContains(t, err, "linux/"+runtime.GOARCH+" (there are: linux/mips, windows/riscv)")

	file, err := here.ConfigFile()
	require.NoError(t, err)
	file = file.DeepCopy()
	file.Architecture = "mips"
	foreign, err := mutate.ConfigFile(here, file)
	require.NoError(t, err)
	_, _, err = s.Hold(t.Context(), newRegistry(t).push(t, "foreign:1", foreign))
	require.ErrorIs(t, err, sandbox.ErrNoImage)
	require.ErrorContains(t, err, "linux/mips")
}

func TestNamesThatCannotBeUnderstood(t *testing.T) {
	s := testStore(t, Options{})
	for _, ref := range []string{"", "UPPER/case", "a b", "oci:" + s.dir + "@sha256:short", "docker-archive:" + filepath.Join(s.dir, "lock") + ":A B"} {
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, "lock"), nil, 0o644))
		_, _, err := s.Hold(t.Context(), ref)
		var bad *ReferenceError
		require.ErrorAs(t, err, &bad, ref)
		require.Equal(t, ref, bad.Reference)
	}
}

func TestALayerThatRefersToThoseBelowBelongsToThem(t *testing.T) {
	dependent := layer(t, hardlink("b", "a"))
	s := testStore(t, Options{})
	r := newRegistry(t)
	for _, text := range []string{"one", "two"} {
		img := held(t, s, r.push(t, text+":1", image(t, v1.Config{}, layer(t, file("a", text)), dependent)))
		require.Equal(t, []string{"b 644 " + text}, tree(t, s.Folders(img)[0]))
	}
}

func TestALayerThatHidesAllBelow(t *testing.T) {
	s := testStore(t, Options{})
	img := held(t, s, newRegistry(t).push(t, "opaque:1", image(t, v1.Config{}, layer(t, file("a", "x")), layer(t, file(".wh..wh..opq", ""), file("b", "y")))))
	require.Len(t, s.Folders(img), 1)
	require.Equal(t, []string{"b 644 y"}, tree(t, s.Folders(img)[0]))
}

func TestTheUserOfAnImage(t *testing.T) {
	below, above := t.TempDir(), t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(below, "etc"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(above, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(below, "etc/passwd"), []byte("root:x:0:0::/wrong:/bin/sh\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(above, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\nmalformed\nme:x:7:8::/home/me:/bin/sh\n9:x:10:11:::\nhuge:x:99999999999:0::/:\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(below, "etc/group"), []byte("staff:x:50:\n"), 0o644))
	for spec, want := range map[string]User{
		"":         {0, 0, "root", "/root"},
		"root":     {0, 0, "root", "/root"},
		"me":       {7, 8, "me", "/home/me"},
		"7":        {7, 8, "me", "/home/me"},
		"me:staff": {7, 50, "me", "/home/me"},
		"7:60":     {7, 60, "me", "/home/me"},
		"1234":     {1234, 0, "", "/"},
		"9":        {10, 11, "9", "/"},
	} {
		got, err := findUser([]string{above, below}, spec)
		require.NoError(t, err)
		require.Equal(t, want, got, spec)
	}
	for _, spec := range []string{"nobody", "me:nogroup", "-1", "4294967295", "huge"} {
		_, err := findUser([]string{above, below}, spec)
		require.Error(t, err, spec)
	}
	got, err := findUser(nil, "")
	require.NoError(t, err)
	require.Equal(t, User{0, 0, "root", "/root"}, got)
}

func TestTheCollectorRemovesWhatWasNotUsedForTheLongestTime(t *testing.T) {
	s := testStore(t, Options{})
	r := newRegistry(t)
	shared := layer(t, file("shared", strings.Repeat("s", 1000)))
	var refs []string
	for i := range 4 {
		ref := r.push(t, fmt.Sprint("app:", i), image(t, v1.Config{}, shared, layer(t, file("own", strings.Repeat("o", 100+i)))))
		_, release, err := s.Hold(t.Context(), ref)
		require.NoError(t, err)
		release()
		refs = append(refs, ref)
	}
	inUse := held(t, s, refs[0]) // the one used last now, too
	require.NoError(t, s.Add(t.Context(), "snapshot", inUse, func(_ context.Context, files string) (int64, error) {
		return 5, os.WriteFile(filepath.Join(files, "f"), []byte("added"), 0o644)
	}))
	removed, err := s.GC(t.Context(), 1<<20)
	require.NoError(t, err)
	require.Empty(t, removed)
	removed, err = s.GC(t.Context(), 1250)
	require.NoError(t, err)
	require.Equal(t, refs[1:3], removed)
	removed, err = s.GC(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, []string{refs[3], inUse.Name}, removed, "the snapshot, and nothing that is held")
	require.Len(t, tree(t, s.Folders(inUse)[0]), 1)
	require.Len(t, tree(t, s.Folders(inUse)[1]), 1)
	_, _, err = s.Find(t.Context(), "snapshot")
	require.ErrorIs(t, err, sandbox.ErrNoImage)
	layers, err := filepath.Glob(filepath.Join(s.dir, "layers", "*", "*"))
	require.NoError(t, err)
	require.Len(t, layers, 2)
	before := r.blobs.Load()
	held(t, s, refs[3])
	require.Equal(t, before+2, r.blobs.Load(), "the configuration and one layer")
}

func TestAnImageThatTakesAName(t *testing.T) {
	s := testStore(t, Options{})
	add := func(text string) {
		require.NoError(t, s.Add(t.Context(), "name", Image{Name: "name", Digest: "base"}, func(_ context.Context, files string) (int64, error) {
			return int64(len(text)), os.WriteFile(filepath.Join(files, text), nil, 0o644)
		}))
	}
	find := func() (Image, func()) {
		img, release, err := s.Find(t.Context(), "name")
		require.NoError(t, err)
		return img, release
	}
	add("one")
	one, release := find()
	add("two")
	add("three")
	three, releaseThree := find()
	defer releaseThree()
	require.NotEqual(t, one.Digest, three.Digest)
	layers := func() int {
		removed, err := s.GC(t.Context(), 1<<20)
		require.NoError(t, err)
		require.Empty(t, removed, "the name is still there")
		found, err := filepath.Glob(filepath.Join(s.dir, "layers", "added", "*"))
		require.NoError(t, err)
		return len(found)
	}
	require.Equal(t, 2, layers(), "the one that is held, and the one that has the name")
	require.Equal(t, []string{"one 644 "}, tree(t, s.Folders(one)[0]))
	require.Equal(t, []string{"three 644 "}, tree(t, s.Folders(three)[0]))
	release()
	require.Equal(t, 1, layers())
	require.Equal(t, []string{"three 644 "}, tree(t, s.Folders(three)[0]))
}

func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	s := testStore(t, Options{})
	dead, done, err := s.temporary()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dead, "files", "locked"), 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dead, "files", "locked"), 0))
	require.NoError(t, os.Chtimes(dead, time.Unix(0, 0), time.Unix(0, 0)))
	require.NoError(t, s.removeUnfinished())
	require.DirExists(t, dead, "its maker lives")
	require.NoError(t, done())

	require.NoError(t, os.MkdirAll(filepath.Join(dead, "files", "locked"), 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dead, "files", "locked"), 0))
	require.NoError(t, os.Chtimes(dead, time.Unix(0, 0), time.Unix(0, 0)))
	require.NoError(t, s.removeUnfinished())
	require.NoDirExists(t, dead)
}
