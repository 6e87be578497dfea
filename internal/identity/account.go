package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
	"github.com/bidahq/bida/internal/problem"
)

var errAccountExists = problem.New(problem.Conflict, "identity.account_exists", "There is an account of this name already.", "已有同名账号。").On("/name")

// NewAccount is what CreateAccount makes: a document in the policy and, where a password is given, the login data.
type NewAccount struct {
	Name, Title string
	Roles       []string
	Agent       bool
	Password    string // "" for an account that signs in by token only
}

// CreateAccount makes an account with its login data, both or neither.
func (s *Service) CreateAccount(ctx context.Context, a NewAccount, by Asked) error {
	if s.o.Apply == nil {
		return errors.New("identity was not given the way to change the policy")
	}
	var hash string
	if a.Password != "" {
		if err := CheckPassword(a.Name, a.Password); err != nil {
			return err
		}
		var err error
		if hash, err = s.Hash(ctx, a.Password); err != nil {
			return err
		}
	}
	spec, err := json.Marshal(policy.AccountSpec{Title: a.Title, Agent: a.Agent, Roles: a.Roles})
	if err != nil {
		return fmt.Errorf("the account's document: %w", err)
	}
	edit := []policy.Edit{{Kind: policy.KindAccount, Name: a.Name, Spec: spec}}
	return s.do(ctx, ledger.CommandFunc(func(tx *ledger.Tx) error {
		if _, exists := tx.Documents().Account(a.Name); exists {
			return errAccountExists
		}
		if err := s.o.Apply(edit, by.By, by.Source, by.Request, "account create").Apply(tx); err != nil {
			return err
		}
		tx.Audit(by.audit("account.create", a.Name, nil))
		if hash == "" {
			return nil
		}
		return (&SetPassword{Account: a.Name, Hash: hash, Asked: by}).Apply(tx)
	}))
}
