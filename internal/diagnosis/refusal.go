package diagnosis

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/reception"
)

// aboutRefusal reports on a sender's id with which no message came in: the request was refused, or there is no record of one.
func (r *run) aboutRefusal() (*Report, error) {
	r.report = newReport()
	view := r.s.Ledger.View()
	if err := r.resolve(view); err != nil {
		return nil, err
	}
	r.history = newHistory(r)
	if r.m.policy.Inboxes[r.q.Inbox] == nil {
		if versions, err := r.history.versions(docKey{"inbox", r.q.Inbox}); err != nil || len(versions) == 0 {
			return nil, errors.Join(err, errInbox)
		}
	}
	rows, err := r.s.Flow.Refusals(r.ctx, r.q.Inbox, r.q.Sender, 0, maxListed)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, err
	}
	place := &Place{Inbox: r.q.Inbox, Agents: []string{}, State: placeNoRecord}
	for i := range rows {
		if !rows[i].At.After(r.m.at) {
			rows = rows[i:]
			place.State = placeRefused
			break
		}
	}
	var found *finding
	if place.State == placeRefused {
		found = r.refusedThen(rows)
		place.Since = r.instant(rows[0].At)
		r.report.Verdict = Blocked
	} else if found, err = r.neverCame(); err != nil {
		return nil, err
	}
	r.findings = append(r.findings, found)
	return r.concludeRefusal(place, found)
}

// refusedThen is what the intake log says of the requests with this id, newest first.
func (r *run) refusedThen(rows []ledger.RefusalRow) *finding {
	code, known := reception.ParseCode(rows[0].Code)
	if !known {
		code = reception.CodeIntakeInvalid
	}
	found := r.stageFinding(stageIntake, code, reception.Block)
	found.cause.since = rows[0].At
	for _, x := range rows {
		value := x.Code
		if x.Field != "" {
			value += " " + x.Field
		}
		found.add(Evidence{Fact: fmt.Sprintf("intake/%d", x.ID), Value: value, Source: cmp.Or("account "+x.Account, "intake log"), At: r.instant(x.At)})
	}
	return found
}

// neverCame says that there is no record of a request with this id, and what the intake log has of the day before: one that could not be read has no id there.
func (r *run) neverCame() (*finding, error) {
	r.report.Verdict = Unknown
	found := r.stageFinding(stageIntake, reception.CodeIntakeNoRecord, reception.Unknown)
	found.add(Evidence{Fact: "sender_id", Value: "no message and no refused request has it", Source: "messages, intake log", At: r.instant(r.m.at)})
	from := r.m.at.Add(-dayLong)
	counts, err := r.s.Flow.RefusalCounts(r.ctx, ledger.RefusalLogQuery{Inbox: r.q.Inbox, From: from, To: r.m.at.Add(time.Microsecond)})
	if err != nil {
		return nil, err
	}
	nameless, err := r.s.Flow.RefusalCounts(r.ctx, ledger.RefusalLogQuery{From: from, To: r.m.at.Add(time.Microsecond)})
	if err != nil {
		return nil, err
	}
	for _, x := range []struct {
		scope  string
		counts []ledger.RefusalCount
	}{{"inbox " + r.q.Inbox, counts}, {"all inboxes", nameless}} {
		total := int64(0)
		for i, c := range x.counts {
			total += c.Requests
			if i < maxListed {
				found.add(Evidence{
					Fact: "refused/" + c.Code, Value: fmt.Sprintf("%d in the 24 hours before", c.Requests), Source: "intake log, " + x.scope, At: r.instant(c.Last),
				})
			}
		}
		if total == 0 {
			found.add(Evidence{Fact: "refused", Value: "none in the 24 hours before", Source: "intake log, " + x.scope, At: r.instant(r.m.at)})
		}
	}
	offered, err := r.s.Flow.Offered(r.ctx, from, r.m.at.Add(time.Microsecond))
	if err != nil {
		return nil, err
	}
	came := 0
	for _, row := range offered {
		if row.Inbox == r.q.Inbox {
			came += row.Offered
		}
	}
	found.add(Evidence{Fact: "traffic.offered", Value: fmt.Sprintf("%d in the 24 hours before", came), Source: "messages, inbox " + r.q.Inbox, At: r.instant(r.m.at)})
	return found, nil
}

func (r *run) concludeRefusal(place *Place, found *finding) (*Report, error) {
	r.rank()
	out := r.report
	out.Subject = Subject{Inbox: r.q.Inbox, Sender: r.q.Sender}
	out.At, out.Position, out.Revision = *r.instant(r.m.at), r.m.position, r.m.revision
	out.Place, out.DeadRules, out.Checks, out.Titles = place, []DeadRule{}, []Check{}, map[string]string{}
	out.Findings = []Finding{r.finish(found)}
	titleInbox(out.Titles, r.m.set, r.q.Inbox)
	inbox := r.inboxName(r.q.Inbox)
	if place.State == placeRefused {
		why := r.clause(found)
		out.Headline = Text{ZH: "这条消息没有进入“" + inbox + "”：" + why.ZH + "。", EN: "This message did not come in to " + inbox + ": " + why.EN + "."}
	} else {
		out.Headline = Text{
			ZH: "“" + inbox + "”没有这个发送方编号的记录：无法判断消息是没有发出，还是在到达之前丢失。",
			EN: "There is no record of this sender's id in " + inbox + ": whether the message was never sent, or was lost before it arrived, is not known.",
		}
		out.Next = Text{
			"请查看发送方的日志：它是否发出了请求、收到了什么答复；已答复 201 的消息一定有记录。",
			"Look at the sender's log: whether it made the request, and what the answer was; a message that was answered with 201 is on record.",
		}.In(r.q.Lang)
	}
	r.redact(out)
	return out, nil
}
