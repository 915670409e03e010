package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// A keyring has the redactors for logs, each under the key of its folder.
type keyring struct {
	secrets   *secretFlags
	keys      map[string][]byte // by folder; nil for one that has none
	redactors map[string]*redact.Redactor
}

func newKeyring(secrets *secretFlags) *keyring {
	return &keyring{secrets, map[string][]byte{}, map[string]*redact.Redactor{}}
}

// of is the key of the folder that a log is in, or of its run; nil if it has
// none.
func (k *keyring) of(log string) ([]byte, error) {
	dir := filepath.Dir(log)
	if key, ok := k.keys[dir]; ok {
		return key, nil
	}
	key, err := redact.ReadKey(dir)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(dir) == "trajectories" {
		key, err = redact.ReadKey(filepath.Dir(dir))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, userError{err}
	}
	k.keys[dir] = key
	return key, nil
}

func (k *keyring) under(key []byte) (*redact.Redactor, error) {
	if r := k.redactors[string(key)]; r != nil {
		return r, nil
	}
	r, err := k.secrets.redactor(key, nil)
	if err == nil {
		k.redactors[string(key)] = r
	}
	return r, err
}

// checking returns the redactor to look into a log with. Where there is no key,
// one of the moment will do: it tells equal secrets from others.
func (k *keyring) checking(log string) (*redact.Redactor, error) {
	key, err := k.of(log)
	if err != nil {
		return nil, err
	}
	if key == nil {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // it never fails
		k.keys[filepath.Dir(log)] = key
	}
	return k.under(key)
}

// copying returns the redactor for a copy of a log in another folder. What was
// redacted before keeps its placeholders, so the copies are under the same key.
func (k *keyring) copying(log, to string) (*redact.Redactor, error) {
	was, err := k.of(log)
	if err != nil {
		return nil, err
	}
	if was != nil {
		if err := redact.WriteKey(to, was); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	is, err := redact.FolderKey(to)
	if err != nil {
		return nil, err
	}
	if was != nil && !bytes.Equal(was, is) {
		return nil, userf("%s was redacted under another key than what is in %s: write its copy into a folder of its own", log, to)
	}
	r, err := k.under(is)
	if err == nil && was != nil {
		r = r.Again()
	}
	return r, err
}
