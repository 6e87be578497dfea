package httpapi

import (
	"context"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// AnnouncementBody is something that is announced to the caller now.
type AnnouncementBody struct {
	Name  string `json:"name" doc:"of the maintenance document"`
	Title string `json:"title,omitempty"`
	Text  string `json:"text" doc:"in the caller's language, or in the one that it is written in"`
	From  *Time  `json:"from,omitempty" doc:"when it began, where that is written"`
	Until Time   `json:"until"`
	// Window is the maintenance window that it announces.
	Window *MaintenanceBody `json:"window,omitempty" doc:"the maintenance window that it announces, if it announces one"`
}

// began is when an announcement began; the zero time where that is not written.
func (b *AnnouncementBody) began() time.Time {
	if b.From == nil {
		return time.Time{}
	}
	return b.From.t
}

// MaintenanceBody is a maintenance window.
type MaintenanceBody struct {
	From    Time        `json:"from"`
	Until   Time        `json:"until"`
	Inboxes []NamedBody `json:"inboxes" doc:"that it holds; none: all"`
	Kinds   []string    `json:"kinds" doc:"that it holds; none: all"`
	Now     bool        `json:"now" doc:"it holds messages now"`
}

// UpdateBody says that a client does not meet what is required of its version.
type UpdateBody struct {
	Code     string `json:"code" doc:"of the reason"`
	Reason   string `json:"reason" doc:"in words"`
	Seen     string `json:"seen" doc:"the version that the client gave"`
	Required string `json:"required" doc:"which versions meet it"`
	Because  string `json:"because,omitempty" doc:"why it is required, as the administrator wrote it"`
}

type announcementsOutput struct {
	Body struct {
		Announcements []AnnouncementBody `json:"announcements" doc:"those to the caller that are under way, the one that began last first"`
		Update        *UpdateBody        `json:"update" doc:"what is required of the client that asks and that it does not meet; null if there is nothing"`
	}
}

func (s *Server) listAnnouncements(_ context.Context, by caller, in *struct {
	Client  string `query:"client" maxLength:"128" doc:"name of the client that asks, as in its hello"`
	Version string `query:"version" maxLength:"128" doc:"and its version"`
}) (*announcementsOutput, error) {
	set, now := s.o.Ledger.Policy(), s.o.Now()
	out := &announcementsOutput{}
	out.Body.Announcements = []AnnouncementBody{}
	for _, name := range set.MaintenanceNames() {
		spec, _ := set.Maintenance(name)
		if spec.Announces(now) && slices.Contains(set.Audience(spec.Announcement.To), by.account) {
			out.Body.Announcements = append(out.Body.Announcements, s.announcement(set, name, &spec, by.lang))
		}
	}
	slices.SortStableFunc(out.Body.Announcements, func(a, b AnnouncementBody) int { return b.began().Compare(a.began()) })
	if in.Client != "" {
		out.Body.Update = update(set, reception.NewClient(in.Client, in.Version), by.lang)
	}
	return out, nil
}

// update says what a client's version does not meet; nil if it meets everything.
func update(set *policy.Set, client reception.Client, lang string) *UpdateBody {
	rule := set.Compile().RuleFor(client.Name)
	if rule == nil {
		return nil
	}
	outcome, code := rule.Judge(client.Version)
	if !outcome.Stops() {
		return nil
	}
	_, spec, _ := set.ClientFor(client.Name)
	return &UpdateBody{Code: code.String(), Reason: reception.Lookup(code).Title.In(lang), Seen: client.Text, Required: spec.Required(), Because: spec.Reason}
}

func (s *Server) announcement(set *policy.Set, name string, spec *policy.MaintenanceSpec, lang string) AnnouncementBody {
	b := AnnouncementBody{
		Name: name, Title: spec.Title, Text: spec.Announcement.Text(lang), From: s.maybe(spec.Announcement.From), Until: s.time(spec.AnnouncedUntil()),
	}
	if !spec.Window() {
		return b
	}
	now := s.o.Now()
	w := &MaintenanceBody{
		From: s.time(spec.From), Until: s.time(spec.Until), Inboxes: []NamedBody{}, Kinds: append([]string{}, spec.Kinds...),
		Now: !now.Before(spec.From) && now.Before(spec.Until),
	}
	for _, inbox := range spec.Inboxes {
		in, _ := set.Inbox(inbox)
		w.Inboxes = append(w.Inboxes, NamedBody{Name: inbox, Title: in.Title})
	}
	b.Window = w
	return b
}
