package client

import (
	"errors"
	"fmt"
)

// Close codes of the session protocol.
const (
	CloseNormal          = 1000
	CloseGoingAway       = 1001
	CloseProtocol        = 1002 // sent by a client that cannot follow the server
	CloseAbnormal        = 1006 // never sent: the connection broke
	CloseMalformed       = 4400
	CloseUnauthenticated = 4401
	CloseForbidden       = 4403
	CloseTimeout         = 4408
	CloseSessionEnded    = 4409
	CloseTokenRevoked    = 4410
	CloseTooLarge        = 4413
	CloseTooMany         = 4429
	CloseInternal        = 4500
)

// ClosedError says that the server ended the session for good: connecting again by itself would only end the same way.
type ClosedError struct {
	Code   int // CloseUnauthenticated, CloseForbidden, CloseSessionEnded or CloseTokenRevoked
	Reason string
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("the server ended the session: %s (%d)", e.Reason, e.Code)
}

// FaultError says that the server sent something that the protocol does not allow, or left something out. The cure is to connect again with the cursor.
type FaultError struct{ Text string }

func (e *FaultError) Error() string { return "protocol fault: " + e.Text }

// ErrSilent says that nothing was heard from the server for too long.
var ErrSilent = errors.New("nothing heard from the server")

// final says that a client does not come back by itself after this close code.
func final(code int) bool {
	switch code {
	case CloseUnauthenticated, CloseForbidden, CloseSessionEnded, CloseTokenRevoked:
		return true
	}
	return false
}
