package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bidahq/bida/client"
)

// listen is a terminal agent.
type listen struct {
	serverFlags
	Client    string `help:"Name of this client: the server keeps its place in the stream under it. Without it every run is a new client." placeholder:"ID"`
	Transport string `help:"How frames travel: websocket, sse (server-sent events and posts, where a proxy breaks WebSocket), or auto." enum:"auto,websocket,sse" default:"auto"`
	NoAck     bool   `help:"Show messages and acknowledge nothing."`
	JSON      bool   `help:"One JSON document per event."`
}

// Run implements the command. It ends with 0 when it is interrupted, 2 when it cannot begin, 1 when the server has ended the session.
func (v *listen) Run(s *session) error {
	base, _ := v.address(s)
	token, err := v.token(s)
	if err != nil {
		return err
	}
	c, err := client.New(base, token)
	if err != nil {
		return usage("--server: %v", err)
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	begun := false
	err = c.Listen(ctx, client.ListenOptions{
		ClientID: v.Client, Name: "bida-listen", Version: s.Version, Lang: s.lang, Transport: client.Transport(v.Transport), NoAck: v.NoAck, Available: true,
		// A terminal has no window that could be hidden and no notifications to allow.
		Report:  &client.SelfReport{Mode: "program", Notifications: "unsupported", Sound: "unsupported"},
		OnEvent: func(e client.Event) error { return v.show(s, e) },
		OnState: func(state client.State) {
			switch {
			case state.Phase == client.Live:
				begun = true
			case state.Phase == client.Waiting && !begun:
				cancel(&noServerError{base, state.Err})
			}
			s.tell(state)
		},
	})
	var closed *client.ClosedError
	switch {
	case s.ctx.Err() != nil:
		return nil
	case errors.Is(err, context.Canceled):
		return context.Cause(ctx)
	case errors.As(err, &closed) && begun:
		return refused(err)
	}
	return err
}

// show prints an event. An error means that nobody can read it any more.
func (v *listen) show(s *session, e client.Event) error {
	if e.Event == client.EventTest { // of a self-check in a window: it is for nobody here
		return nil
	}
	line := s.eventLine(e)
	if v.JSON {
		line = string(e.Line())
	}
	if _, err := fmt.Fprintln(s.Out, line); err != nil {
		return usage("the event cannot be written: %v", err)
	}
	return nil
}

// eventLine says an event to a person.
func (s *session) eventLine(e client.Event) string {
	head := fmt.Sprintf("%s  #%d  ", e.At.In(s.zone).Format("15:04:05.000"), e.AgentSequence)
	place := fmt.Sprintf("%s·%s %s #%d %s", e.Inbox, e.Kind, e.Conversation, e.Sequence, e.Message)
	switch e.Event {
	case client.EventMessage:
		for _, f := range e.Attachments {
			e.Text = strings.TrimSpace(fmt.Sprintf("%s [%s %s]", e.Text, s.pick("附件", "file"), f.Name))
		}
		return head + fmt.Sprintf("%s  %s: %s", place, e.Contact, e.Text)
	case client.EventNotice:
		return head + s.pick("通知", "notice") + "  " + e.Text
	case client.EventWithdrawn:
		return head + s.pick("已撤回", "withdrawn") + fmt.Sprintf(" (#%d)  %s  %s", e.Withdraws, place, e.Reason)
	case client.EventTombstone:
		return head + s.pick("不再可见", "no longer shown") + fmt.Sprintf("  %s  %s", place, e.Reason)
	case client.EventGap:
		return head + fmt.Sprintf(s.pick("#%d 至 #%d 已超过保留期", "#%d to #%d are no longer kept"), e.AgentSequence, e.To)
	}
	return head + e.Event
}

// tell says on standard error how the connection fares.
func (s *session) tell(state client.State) {
	switch state.Phase {
	case client.Live:
		w := state.Welcome
		s.note(s.pick("已连接：%s，会话 %s，连接 %s（%s），从 #%d 继续，共 %d 条", "connected as %s, session %s, connection %s (%s), going on after #%d of %d"),
			w.Account, w.Session, w.Connection, state.Transport, w.Cursor, w.Last)
	case client.Refused:
		s.note(s.pick("未能完成：%v", "refused: %v"), state.Err)
	case client.Waiting:
		s.note(s.pick("未连接：%v；%s 后重试", "not connected: %v; trying again in %s"), state.Err, state.Wait.Round(10*time.Millisecond))
	case client.Connecting:
	}
}
