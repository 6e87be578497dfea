// Package demo is the company that `bida serve --demo` starts with, so that somebody who has just built Bida can click through it: the documents, one
// password for all its accounts, some history, and a web shop with the chat widget. Its history is made by real clients over the real API, so that every
// trace and every diagnosis in it is as true as in a company that works. It decides nothing: when a directory may be seeded is package app's business.
package demo

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/bidahq/bida/deploy/examples"
	"github.com/bidahq/bida/internal/policy"
)

// Admin is the demo company's administrator.
const Admin = "admin"

// fileName marks a data directory as the demo's, and keeps the password for the next start.
const fileName = "demo.json"

// Company is the demo company of one data directory.
type Company struct {
	// Password is that of all its accounts. It is made at random, since a directory may outlive the loopback address that the demo insists on.
	Password string `json:"password"`
}

// Open finds the demo company of a data directory, and makes one where the directory is empty. ok is false for a directory that holds something else.
func Open(dir string) (c Company, ok bool, err error) {
	path := filepath.Join(dir, fileName)
	raw, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := json.Unmarshal(raw, &c); err != nil || c.Password == "" {
			return c, false, fmt.Errorf("%s cannot be read; remove the directory to begin anew", path)
		}
		return c, true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return c, false, fmt.Errorf("demo: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return c, false, fmt.Errorf("demo: %w", err)
	}
	if len(entries) > 0 {
		return c, false, nil
	}
	c.Password = newPassword()
	if raw, err = json.Marshal(c); err != nil {
		return c, false, err
	}
	// Written before anything else: whatever is interrupted later, the next start knows whose directory it is.
	if err := os.WriteFile(path, append(raw, '\n'), 0o600); err != nil {
		return c, false, fmt.Errorf("demo: %w", err)
	}
	return c, true, nil
}

// letters leave out what looks like something else when it is copied from a screen by hand.
const letters = "abcdefghjkmnpqrstuvwxyz23456789"

func newPassword() string {
	var b [10]byte
	rand.Read(b[:]) // never fails: the runtime ends the process if the system has no randomness
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return "qinghe-" + string(b[:5]) + "-" + string(b[5:])
}

// groupsOffFor is the agent whose group messages the supervisor switches off in the demo's history: a cause with an author, to be found and mended.
const groupsOffFor = "agent-d"

// Documents are the company as it stands before its history begins, its administrator among them.
func Documents() ([]policy.Document, error) {
	docs, err := policy.ParseYAML(examples.Company)
	if err != nil {
		return nil, fmt.Errorf("the example company: %w", err)
	}
	for i := range docs {
		if docs[i].Kind != policy.KindAccount || docs[i].Name != groupsOffFor {
			continue
		}
		if docs[i].Spec, err = withDeny(docs[i].Spec, nil); err != nil {
			return nil, err
		}
	}
	admin, err := json.Marshal(policy.AccountSpec{Title: "管理员", Position: "系统管理员", Roles: []string{policy.AdminRole}})
	if err != nil {
		return nil, err
	}
	return append(docs, policy.Document{Kind: policy.KindAccount, Name: Admin, Spec: admin}), nil
}

// withDeny is an account's spec with other denied permissions.
func withDeny(spec json.RawMessage, deny []string) (json.RawMessage, error) {
	var a policy.AccountSpec
	if err := json.Unmarshal(spec, &a); err != nil {
		return nil, fmt.Errorf("the example company's account %s: %w", groupsOffFor, err)
	}
	a.Deny = nil
	for _, permission := range deny {
		a.Deny = append(a.Deny, policy.Grant{Permission: permission})
	}
	return json.Marshal(a)
}

// robots are accounts of systems: nobody signs in with a password.
var robots = []string{"shop"}

// People are the accounts that have a password, whether or not they may sign in at the moment: being refused with the reason is part of the tour.
func People(docs []policy.Document) []string {
	var names []string
	for _, d := range docs {
		if d.Kind == policy.KindAccount && !slices.Contains(robots, d.Name) {
			names = append(names, d.Name)
		}
	}
	return names
}
