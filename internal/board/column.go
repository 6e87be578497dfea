package board

import "github.com/bidahq/bida/internal/reception"

// Column is one check of the board: the gates that people look at together.
type Column uint8

// The columns, in the order in which they stand.
const (
	Account Column = iota
	Permission
	Inbox
	Window
	Push
	Presence
	Connection
	Load
	// Columns is how many there are.
	Columns
)

var columnNames = [Columns]string{"account", "permission", "inbox", "window", "push", "presence", "connection", "load"}

// String returns the column's name as the API writes it.
func (c Column) String() string {
	if c < Columns {
		return columnNames[c]
	}
	return "invalid"
}

// ColumnNames lists the columns in their order.
func ColumnNames() []string { return append([]string(nil), columnNames[:]...) }

// ColumnOf is the column of a gate; ok is false for the gates about one message, which no board shows.
func ColumnOf(g reception.Gate) (column Column, ok bool) {
	switch g {
	case reception.AccountState, reception.AccountLogin:
		return Account, true
	case reception.RoleReceive, reception.PermissionKind, reception.PermissionReply:
		return Permission, true
	case reception.MembershipInbox:
		return Inbox, true
	case reception.WindowAgent, reception.WindowInbox:
		return Window, true
	case reception.PresenceGate:
		return Presence, true
	case reception.Capacity:
		return Load, true
	case reception.FilterGate, reception.ConversationGate, reception.Routing:
		return Columns, false
	}
	switch g.Part() {
	case 2:
		return Push, true
	case 3:
		return Connection, true
	}
	return Columns, false
}
