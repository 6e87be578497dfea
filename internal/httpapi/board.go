package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bidahq/bida/internal/board"
	"github.com/bidahq/bida/internal/identity"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

// BoardPlaceBody is an inbox with some of its kinds.
type BoardPlaceBody struct {
	Inbox string   `json:"inbox"`
	Kinds []string `json:"kinds,omitempty" doc:"left out: all that the inbox produces"`
}

// BoardCheckBody is one cause in a column of the board.
type BoardCheckBody struct {
	Column   string           `json:"column" enum:"account,permission,inbox,window,push,presence,connection,load"`
	Gate     string           `json:"gate"`
	Outcome  string           `json:"outcome" enum:"pass,block,wait,unknown" doc:"pass: a warning"`
	Code     string           `json:"code"`
	Expected bool             `json:"expected" doc:"it is so on purpose"`
	Until    *Time            `json:"until,omitempty" doc:"when it ends by itself"`
	Scope    []BoardPlaceBody `json:"scope,omitempty" doc:"what it concerns; left out: all that the agent belongs to"`
}

// BoardConnectionBody is an open realtime connection on the board.
type BoardConnectionBody struct {
	ID                string `json:"id"`
	About             string `json:"about,omitempty" doc:"the client's name and version, as it says"`
	Since             Time   `json:"since"`
	UnresponsiveSince *Time  `json:"unresponsive_since,omitempty"`
}

// BoardRowBody is one agent on the board.
type BoardRowBody struct {
	Agent       string                `json:"agent"`
	Title       string                `json:"title,omitempty"`
	Alias       string                `json:"alias,omitempty"`
	Number      string                `json:"number,omitempty"`
	Teams       []string              `json:"teams"`
	Inboxes     []BoardPlaceBody      `json:"inboxes" doc:"what the agent is a member of"`
	Can         []BoardPlaceBody      `json:"can" doc:"what of it the agent can receive now"`
	Verdict     string                `json:"verdict" enum:"receiving,partial,blocked,waiting,unknown" doc:"as a diagnosis has it, whatever came in"`
	Checks      []BoardCheckBody      `json:"checks" doc:"all that stops, or is worth a warning: by column, and in a column what matters most first; a column that is not among them, nor idle, passes"`
	Idle        []string              `json:"idle" doc:"columns of which nothing applies to the agent"`
	Presence    PresenceBody          `json:"presence"`
	Connections []BoardConnectionBody `json:"connections"`
	Load        int                   `json:"load" doc:"open conversations that the agent has"`
	Live        int                   `json:"live" doc:"those of them in live inboxes"`
	Limit       int                   `json:"limit,omitempty" doc:"of live ones; left out: none"`
	Received    *Time                 `json:"received,omitempty" doc:"when a client last acknowledged a message"`
}

// BoardInboxBody is an inbox as filters and headings need it.
type BoardInboxBody struct {
	Name  string   `json:"name"`
	Title string   `json:"title,omitempty"`
	Mode  string   `json:"mode" enum:"live,async"`
	Kinds []string `json:"kinds"`
}

// BoardKindBody counts the agents who can receive a kind.
type BoardKindBody struct {
	Kind string `json:"kind"`
	Can  int    `json:"can"`
	Of   int    `json:"of" doc:"who belongs to an inbox that produces it"`
}

// BoardCountsBody counts the agents who can receive.
type BoardCountsBody struct {
	Can   int             `json:"can" doc:"anything at all"`
	Of    int             `json:"of"`
	Kinds []BoardKindBody `json:"kinds"`
}

// BoardHeadBody is when a board was so, and what its columns and filters are called.
type BoardHeadBody struct {
	Position int64            `json:"position" doc:"of the ledger"`
	Revision int64            `json:"revision" doc:"of the policy"`
	At       Time             `json:"at"`
	Counts   BoardCountsBody  `json:"counts"`
	Inboxes  []BoardInboxBody `json:"inboxes"`
	Teams    []NamedBody      `json:"teams"`
}

type boardOutput struct {
	Body struct {
		BoardHeadBody
		Columns []string       `json:"columns" doc:"in their order"`
		Rows    []BoardRowBody `json:"rows" doc:"in order of name"`
	}
}

var errNoBoard = problem.New(problem.Unavailable, "board.unavailable", "This server has no board.", "此服务没有接待看板。")

func (s *Server) readBoard(_ context.Context, _ caller, _ *none) (*boardOutput, error) {
	if s.o.Board == nil {
		return nil, errNoBoard
	}
	b := s.o.Board.Look()
	out := &boardOutput{}
	out.Body.BoardHeadBody, out.Body.Columns, out.Body.Rows = s.boardHead(b), board.ColumnNames(), make([]BoardRowBody, len(b.Rows))
	for i, r := range b.Rows {
		out.Body.Rows[i] = s.boardRow(r)
	}
	return out, nil
}

func (s *Server) boardHead(b *board.Board) BoardHeadBody {
	h := BoardHeadBody{
		Position: b.Position, Revision: b.Revision, At: s.time(b.At), Inboxes: make([]BoardInboxBody, len(b.Inboxes)), Teams: make([]NamedBody, len(b.Teams)),
		Counts: BoardCountsBody{Can: b.Counts.Can, Of: b.Counts.Of, Kinds: make([]BoardKindBody, len(b.Counts.Kinds))},
	}
	for i, in := range b.Inboxes {
		h.Inboxes[i] = BoardInboxBody{Name: in.Name, Title: in.Title, Mode: modeOf(in.Async), Kinds: orEmpty(in.Kinds)}
	}
	for i, team := range b.Teams {
		h.Teams[i] = NamedBody{Name: team.Name, Title: team.Title}
	}
	for i, k := range b.Counts.Kinds {
		h.Counts.Kinds[i] = BoardKindBody(k)
	}
	return h
}

func modeOf(async bool) string {
	if async {
		return "async"
	}
	return "live"
}

// boardRow is a row as it is told. It is the same for all who may see it.
func (s *Server) boardRow(r *board.Row) BoardRowBody {
	p := r.Presence
	b := BoardRowBody{
		Agent: r.Agent, Title: r.Title, Alias: r.Alias, Number: r.Number, Teams: orEmpty(r.Teams), Inboxes: boardPlaces(r.Cells), Can: boardPlaces(r.Can),
		Verdict: string(r.Verdict), Checks: make([]BoardCheckBody, len(r.Checks)), Idle: make([]string, len(r.Idle)), Load: r.Load, Live: r.Live, Limit: r.Limit,
		Received: s.maybe(r.Received), Connections: make([]BoardConnectionBody, len(r.Connections)),
		Presence: PresenceBody{Account: r.Agent, Value: p.Value.String(), Reason: p.Reason, Until: s.maybe(p.Until), Since: s.maybe(p.Origin.At), By: p.Origin.By},
	}
	for i, c := range r.Checks {
		b.Checks[i] = BoardCheckBody{Column: c.Column.String(), Gate: c.Gate.String(), Outcome: c.Outcome.String(), Code: c.Code.String(), Expected: c.Expected}
		if c.Scope != nil {
			b.Checks[i].Scope = boardPlaces(c.Scope)
		}
		if c.Until != 0 {
			b.Checks[i].Until = s.maybe(time.UnixMicro(c.Until))
		}
	}
	for i, c := range r.Idle {
		b.Idle[i] = c.String()
	}
	for i := range r.Connections {
		k := &r.Connections[i]
		b.Connections[i] = BoardConnectionBody{ID: k.ID, About: k.About, Since: s.time(k.At), UnresponsiveSince: s.maybe(k.Unresponsive)}
	}
	return b
}

func boardPlaces(list []board.Place) []BoardPlaceBody {
	out := make([]BoardPlaceBody, len(list))
	for i, p := range list {
		out[i] = BoardPlaceBody(p)
	}
	return out
}

const (
	boardHeartbeat = 5 * time.Second
	boardApart     = 150 * time.Millisecond // between two looks of one stream
	boardRetry     = time.Second            // after how long a client comes back
)

func describeBoardStream(t *routes, op *huma.Operation) {
	op.Responses["200"] = &huma.Response{
		Description: "Server-sent events. \"board\" (id: a version of the board): the rows that are new since the version that the header Last-Event-ID names, or, with reset, all of them. " +
			"\"pulse\", every few seconds: the position, and how the connections are. \"end\": why nothing more is told (a problem's code, title and permission).",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}},
	}
	for _, v := range []any{BoardEventBody{}, BoardPulseBody{}} { // so that the document, and the clients made from it, have their forms
		t.content(v, op)
	}
}

// BoardEventBody is what is new on the board.
type BoardEventBody struct {
	BoardHeadBody
	Reset bool         `json:"reset" doc:"what was told before is void"`
	Rows  []encodedRow `json:"rows"`
	Gone  []string     `json:"gone,omitempty" doc:"agents that are no more"`
}

// encodedRow is a BoardRowBody that was encoded once for all who are told of it.
type encodedRow struct{ raw []byte }

// MarshalJSON implements json.Marshaler.
func (e encodedRow) MarshalJSON() ([]byte, error) { return e.raw, nil }

// Schema implements huma.SchemaProvider.
func (encodedRow) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[BoardRowBody](), true, "")
}

// BoardPulseBody says that the stream lives, and how connections are whose state is another than was told before.
type BoardPulseBody struct {
	Position    int64                    `json:"position"`
	At          Time                     `json:"at"`
	Connections map[string]BoardTripBody `json:"connections,omitempty" doc:"by id"`
}

// BoardTripBody is how a connection is just now.
type BoardTripBody struct {
	Heard Time    `json:"heard" doc:"when the client last gave a sign of life"`
	Trip  float64 `json:"round_trip_ms,omitempty" doc:"of the last ping that it answered"`
}

// boardStream tells a window what is new on the board for as long as its caller may see it. It queues nothing: woken, it looks at the board, and tells what
// differs from the version that it told last; a slow reader costs no memory, and misses nothing.
func (s *Server) boardStream(w http.ResponseWriter, r *http.Request, by caller) {
	if s.o.Board == nil {
		s.refuse(w, r, errNoBoard)
		return
	}
	watcher, err := s.o.Board.Watch(by.account)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	defer watcher.Close()
	t := &boardTeller{s: s, by: by, told: s.boardVersion(r), eventWriter: newEventWriter(w), trips: map[string]board.Pulse{}}
	t.begin(boardRetry)
	if err := t.run(r.Context(), watcher); err != nil && r.Context().Err() == nil {
		s.o.Log.Warn("a stream of the board was ended", "request", requestOf(r.Context()).id, "account", by.account, "error", err)
	}
}

// boardVersion is the version that a client knows that comes back; 0 for one that knows none, or one of another process.
func (s *Server) boardVersion(r *http.Request) uint64 {
	run, version, _ := strings.Cut(r.Header.Get("Last-Event-ID"), ".")
	if run != s.boardRun {
		return 0
	}
	known, err := strconv.ParseUint(version, 10, 64)
	if err != nil {
		return 0
	}
	return known
}

// boardTeller tells one window.
type boardTeller struct {
	s     *Server
	by    caller
	told  uint64
	trips map[string]board.Pulse // as they were told

	eventWriter
}

// run tells until the window, the caller's right to see it, or the server, goes.
func (t *boardTeller) run(ctx context.Context, watcher *board.Watcher) error {
	beat := time.NewTicker(t.s.boardHeartbeat)
	defer beat.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		if err := t.s.mayStill(t.by); err != nil {
			return t.end(err)
		}
		b := t.s.o.Board.Look()
		if err := t.tell(b); err != nil {
			return err
		}
		if !t.pause(ctx, watcher, timer) {
			return nil
		}
		timer.Reset(b.Next.Sub(t.s.o.Now()))
		select {
		case <-watcher.Wake():
		case <-timer.C:
		case <-beat.C:
			if err := t.pulse(b); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		case <-watcher.Ended():
			return nil
		}
	}
}

// pause lets a moment pass between two looks, so that many commits are told of at once. It says whether the stream goes on.
func (t *boardTeller) pause(ctx context.Context, watcher *board.Watcher, timer *time.Timer) bool {
	timer.Reset(boardApart)
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-watcher.Ended():
	}
	return false
}

// tell writes what is new, if anything is.
func (t *boardTeller) tell(b *board.Board) error {
	if t.told == b.Version {
		if t.pending.Len() > 0 {
			return t.write()
		}
		return nil
	}
	news := b.Since(t.told)
	e := BoardEventBody{BoardHeadBody: t.s.boardHead(b), Reset: news.Reset, Rows: make([]encodedRow, len(news.Rows)), Gone: news.Gone}
	for i, r := range news.Rows {
		e.Rows[i] = encodedRow{r.Encoded(t.s.encodeRow)}
	}
	if err := t.event("board", t.s.boardRun+"."+strconv.FormatUint(b.Version, 10), e); err != nil {
		return err
	}
	t.told = b.Version
	return t.write()
}

func (s *Server) encodeRow(r *board.Row) []byte {
	raw, err := json.Marshal(s.boardRow(r))
	if err != nil {
		panic(err) // its own types, all of which encode
	}
	return raw
}

// pulse writes a sign of life, with the connections that are otherwise than was told.
func (t *boardTeller) pulse(b *board.Board) error {
	p := BoardPulseBody{Position: b.Position, At: t.s.time(t.s.o.Now()), Connections: map[string]BoardTripBody{}}
	if t.s.o.Pulses != nil {
		now := t.s.o.Pulses()
		for id, x := range now {
			if t.trips[id] != x {
				p.Connections[id] = BoardTripBody{Heard: t.s.time(x.Heard), Trip: float64(x.RoundTrip.Microseconds()) / 1000}
			}
		}
		t.trips = now
	}
	if err := t.event("pulse", "", p); err != nil {
		return err
	}
	return t.write()
}

// end tells why nothing more is told.
func (t *boardTeller) end(err error) error {
	p := problemOf(err, t.by.lang, t.by.request)
	if err := t.event("end", "", p); err != nil {
		return err
	}
	return t.write()
}

// mayStill says whether a caller that was let in once may still see the board: its session or token holds, and it has the permission.
func (s *Server) mayStill(by caller) error {
	if by.session != "" {
		if _, ok := s.o.Ledger.BrowserSession(by.session); !ok {
			return identity.ErrSessionOver
		}
	} else if _, _, err := s.o.Identity.Authenticate(bearer(by.http)); err != nil {
		return err
	}
	return boardRule.authorize(s.o.Ledger.Policy().Compile(), by.account, "", s.o.Now())
}

// boardRule says who may see the board: all that it shows is what a diagnosis of each agent tells its reader.
var boardRule = need(policy.DiagnosisView)
