//go:build !linux

package faults

import "errors"

func mount(string) error { return errors.New("a small file system can be mounted on Linux only") }

func unmount(string) error { return nil }
