package faults

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bidahq/bida/client"
)

// blindClasses are runs in which a source of evidence is missing, without which nobody can tell. The right answer is that it is not known, and what to look at.
func blindClasses() []*Class {
	return []*Class{
		{Name: "blind.server_down", Kind: Blind, On: Alone, Few: true, Quiet: true, Apply: func(c *Case) error {
			c.kill() // the instant that is asked about lies between its last sign of life and its next start
			return nil
		}, Symptom: func(c *Case) (client.Answer, error) {
			if _, err := c.post("", "is anybody there?"); err == nil || client.AsRefused(err) != nil {
				return client.Answer{}, errors.Join(errors.New("a server that was killed answers"), err)
			}
			time.Sleep(20 * time.Millisecond)
			c.at = time.Now()
			time.Sleep(20 * time.Millisecond)
			if err := c.start(c.ctx); err != nil {
				return client.Answer{}, err
			}
			return client.Answer{}, c.client.awaitLive(c.ctx)
		}},
		{Name: "blind.push_not_recorded", Kind: Blind, Few: true, Quiet: true, Asks: AboutMessage, Apply: func(c *Case) error {
			c.client.hang()
			return nil
		}, Measure: func(c *Case) (bool, error) { // the push is under way longer than a push takes, and shorter than until it is given up
			m, err := c.post("", "is anybody there?")
			if err != nil {
				return false, err
			}
			c.message = m.Message
			time.Sleep(10*time.Second + 300*time.Millisecond)
			return c.client.has(m.Message), nil
		}},
		{Name: "blind.records_destroyed", Kind: Blind, On: Ruined, Few: true, Quiet: true, Early: true, Apply: func(c *Case) error {
			return destroy(filepath.Join(c.data, "bida.db")) // it is asked before anything was written, so that the store has not failed yet
		}, Symptom: nobodyHasIt},
		{Name: "system.health.disk", On: Small, Few: true, Quiet: true, Apply: func(c *Case) error { // a neighbour takes the room
			neighbour := filepath.Join(filepath.Dir(c.data), "neighbour")
			if err := os.WriteFile(neighbour, make([]byte, smallDisk-lowMark), 0o600); err != nil && !errors.Is(err, syscall.ENOSPC) {
				return err
			}
			c.cause(Root{Gate: "system.health", Code: "system.health.disk"})
			c.undo = append(c.undo, func() error {
				if err := os.Remove(neighbour); err != nil {
					return err
				}
				return c.ready(c.ctx, true)
			})
			return c.ready(c.ctx, false)
		}, Symptom: nobodyHasIt},
		{Name: "system.health.store", On: Ruined, Few: true, Quiet: true, Apply: func(c *Case) error {
			c.cause(Root{Gate: "system.health", Code: "system.health.store"})
			return destroy(filepath.Join(c.data, "bida.db"))
		}, Symptom: nobodyHasIt},
	}
}

// nobodyHasIt posts a message that Bida cannot take.
func nobodyHasIt(c *Case) (client.Answer, error) {
	m, err := c.post("", "is anybody there?")
	if p := client.AsRefused(err); p != nil && p.Status >= 500 {
		return client.Answer{}, nil
	}
	return m, err
}

// destroy overwrites what is in a file, whose length stays.
func destroy(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	noise := make([]byte, info.Size())
	for i := range noise {
		noise[i] = byte(i*31 + i>>8)
	}
	_, err = f.WriteAt(noise, 0)
	return err
}
