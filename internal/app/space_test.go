package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/space"
)

// disk is a file system that a test fills.
type disk struct {
	mu    sync.Mutex
	free  uint64
	looks int
	again *sync.Cond
}

func newDisk(free uint64) *disk {
	d := &disk{free: free}
	d.again = sync.NewCond(&d.mu)
	return d
}

func (d *disk) of(string) (space.Space, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looks++
	d.again.Broadcast()
	return space.Space{Free: d.free, Size: 1 << 40}, nil
}

// set changes the room, and waits until the watch has seen it: it has when it looks the next time but one.
func (d *disk) set(free uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = free
	for until := d.looks + 2; d.looks < until; {
		d.again.Wait()
	}
}

// caller asks a server with a token.
type caller struct {
	t       *testing.T
	address string
	token   string
}

func (c *caller) ask(method, path, body string, headers ...string) (status int, answer string, header http.Header) {
	c.t.Helper()
	request, err := http.NewRequest(method, "http://"+c.address+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, string(raw), response.Header
}

const shopPolicy = `
kind: role
name: agent
spec: {title: 客服, template: agent}
---
kind: account
name: agent-a
spec: {title: 甲, agent: true, roles: [agent, admin]}
---
kind: inbox
name: shop
spec: {title: 商城, channel: api, mode: async, kinds: [customer], members: {accounts: [agent-a]}, routing: {strategy: least_loaded}}
`

func TestOnAFullDiskNothingNewComesInAndEverythingElseGoesOnUntilThereIsRoom(t *testing.T) {
	const message = `{"id":"%d","contact":{"id":"k"},"text":"您好"}`
	d := newDisk(1 << 30)
	c := config(t)
	c.Policy = write(t, shopPolicy)
	o := options
	o.Space = d.of
	a := serveWith(t, c, o)
	ask := (&caller{t, a.Addr().String(), tokenOf(t, c, "agent-a")}).ask
	defer http.DefaultClient.CloseIdleConnections()
	post := func(id int) (int, string, http.Header) {
		return ask("POST", "/api/v1/inboxes/shop/messages", fmt.Sprintf(message, id))
	}
	status, answer, _ := post(1)
	var first struct{ Conversation string }
	if err := json.Unmarshal([]byte(answer), &first); err != nil || status != http.StatusCreated {
		t.Fatalf("%d %s, %v", status, answer, err)
	}

	d.set(100 << 20)
	full := func(what string, status int, answer string, header http.Header) {
		t.Helper()
		if status != http.StatusServiceUnavailable || !strings.Contains(answer, `"code":"system.health.disk"`) || header.Get("Retry-After") == "" {
			t.Errorf("%s is answered with %d %s", what, status, answer)
		}
	}
	status, answer, header := post(2)
	full("a message", status, answer, header)
	status, answer, header = ask("POST", "/api/v1/attachments?name=a.txt", "text")
	full("a file", status, answer, header)
	status, answer, header = ask("GET", "/readyz", "")
	full("whether it is ready", status, answer, header)
	for what, do := range map[string][3]string{
		"a reply":    {"POST", "/api/v1/conversations/" + first.Conversation + "/replies", `{"id":"r1","text":"您好"}`},
		"a presence": {"PUT", "/api/v1/accounts/agent-a/presence", `{"value":"available"}`},
		"a policy":   {"PUT", "/api/v1/policy/documents/team/night", `{"spec":{"title":"夜班","members":["agent-a"]}}`},
	} {
		if status, answer, _ := ask(do[0], do[1], do[2], "If-Match", "1"); status >= 300 {
			t.Errorf("%s is answered with %d %s", what, status, answer)
		}
	}
	if _, answer, _ := ask("GET", "/api/v1/diagnosis?agent=agent-a", ""); !strings.Contains(answer, `"system.health.disk"`) || !strings.Contains(answer, `"verdict":"blocked"`) {
		t.Errorf("the diagnosis does not name the disk: %s", answer)
	}

	d.set(300 << 20) // above the low mark, below the high one
	status, answer, header = post(2)
	full("a message between the marks", status, answer, header)
	d.set(400 << 20)
	if status, answer, _ := post(2); status != http.StatusCreated {
		t.Errorf("when there is room again a message is answered with %d %s", status, answer)
	}
	facts, err := a.base.store.FactsBetween(t.Context(), "system/disk", time.Time{}, time.Now().Add(time.Hour), 10)
	if err != nil || len(facts) != 1 || !facts[0].FromAt.Before(facts[0].ToAt) {
		t.Errorf("on record is %+v, %v", facts, err)
	}
}

func TestWithPostgreSQLAFullDiskHereStopsFilesOnly(t *testing.T) {
	w := space.New(space.Options{Of: newDisk(0).of})
	w.Start()
	defer w.Stop()
	a := &App{config: Config{Database: "postgres://bida@db/bida"}} // without a ledger that could be told
	a.spaceChanged(true)
	a.spaceChanged(false)
	if open := a.intakeOpen(w); open != nil || w.Err() == nil {
		t.Errorf("messages are stopped by %v, files by %v", open != nil, w.Err())
	}
}
