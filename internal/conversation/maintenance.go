package conversation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/reception"
)

// Kinds of deadlines of maintenance documents; the key is the document's name.
const (
	deadlineMaintenance  = "maintenance"  // a window begins or ends
	deadlineAnnouncement = "announcement" // an announcement is to be made
)

// watchMaintenance sets the deadlines of the windows and announcements that are still to come, or under way.
func watchMaintenance(tx *ledger.Tx) {
	set := tx.Documents()
	for _, name := range set.MaintenanceNames() {
		spec, _ := set.Maintenance(name)
		for _, edge := range []time.Time{spec.From, spec.Until} {
			if edge.After(tx.Now()) {
				tx.At(edge, deadlineMaintenance, name)
			}
		}
		if spec.Announcement != nil && tx.Now().Before(spec.AnnouncedUntil()) {
			tx.At(later(spec.Announcement.From, tx.Now()), deadlineAnnouncement, name)
		}
	}
}

// maintenanceEdge decides again what waits where a window begins or ends.
func maintenanceEdge(tx *ledger.Tx, name string) error {
	spec, ok := tx.Documents().Maintenance(name)
	if !ok {
		return nil // called off: the change of policy has decided again
	}
	for _, c := range tx.WaitingCells() {
		if (len(spec.Inboxes) == 0 || slices.Contains(spec.Inboxes, c.Inbox)) && (len(spec.Kinds) == 0 || slices.Contains(spec.Kinds, c.Kind)) {
			tx.TouchCell(c, deadlineMaintenance)
		}
	}
	return nil
}

// announce makes an announcement that has begun, once: a message of the kind system to those whom it names, as far as they may receive that. What is made is
// known by its words and its beginning, so that it is not made again after a restart, and is where either changes.
func announce(tx *ledger.Tx, name string) error {
	spec, ok := tx.Documents().Maintenance(name)
	if !ok || !spec.Announces(tx.Now()) {
		return nil
	}
	key := announcementKey(name, spec.Announcement)
	if used, err := tx.Key(key); err != nil || used != nil {
		return err
	}
	return storeAnnouncement(tx, name, &spec, key)
}

func announcementKey(name string, a *policy.Announcement) ledger.KeyRef {
	sum := sha256.Sum256([]byte(a.From.UTC().Format(time.RFC3339Nano) + "\x00" + a.ZH + "\x00" + a.EN))
	return ledger.KeyRef{Scope: "announcement/" + name, ID: hex.EncodeToString(sum[:16])}
}

func storeAnnouncement(tx *ledger.Tx, name string, spec *policy.MaintenanceSpec, key ledger.KeyRef) error {
	a := spec.Announcement
	data := ledger.AnnouncementData{ZH: a.Text("zh"), EN: a.Text("en"), Announcement: name, Directed: tx.Documents().Audience(a.To)}
	position, err := tellThose(tx, data.Directed, "", data.ZH, data)
	if err != nil {
		return err
	}
	tx.PutKey(ledger.KeyRow{Scope: key.Scope, ID: key.ID, Position: position, At: tx.Now()})
	return nil
}

// tellThose tells those of the directed who may receive the kind system.
func tellThose(tx *ledger.Tx, directed []string, author, text string, data any) (position int64, err error) {
	d := reception.Decide(tx.Policy(), tx, reception.Message{Kind: kindSystem, Directed: directed}, tx.Now())
	if d.Verdict != reception.Directed {
		return 0, errNotDecided
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return 0, err
	}
	return tell(tx, &d, author, text, raw), nil
}

// tell stores a message of the kind system, in no conversation, and gives it to those whom the decision chose.
func tell(tx *ledger.Tx, d *reception.Decision, author, text string, data json.RawMessage) (position int64) {
	return tellAs(tx, ledger.EntryNotice, d, author, text, data)
}

// tellAs is tell with what the message is in the lists.
func tellAs(tx *ledger.Tx, as ledger.EntryType, d *reception.Decision, author, text string, data json.RawMessage) (position int64) {
	position = tx.Next()
	decision := journal(tx, d, &ledger.ConversationRow{}, position, position, "message")
	row := ledger.MessageRow{
		Position: position, Direction: ledger.Internal, Kind: kindSystem, Author: author, Text: text, Data: data, ReceivedAt: tx.Now(), At: tx.Now(), Decision: &decision,
	}
	tx.AppendMessage(row)
	for _, account := range d.Chosen {
		tx.Deliver(ledger.DeliveryRow{Account: account, Type: as, Message: position, Kind: kindSystem}, row)
	}
	return position
}

// kindSystem is the kind of assignments, notices and announcements.
const kindSystem = "system"
