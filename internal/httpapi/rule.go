package httpapi

import (
	"time"

	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
)

// rule says who may use a route.
type rule struct {
	any []string // one of these permissions is enough; none: whoever is signed in
	// For routes about the account in the path: the permission for one's own ("" for none needed) and for others'.
	ofAccount   bool
	own, others string
	// For routes that know no accounts: open to anybody, or to who has a visitor's token.
	public, visitor bool
}

func signedIn() rule                      { return rule{} }
func need(anyOf ...string) rule           { return rule{any: anyOf} }
func ownOrOthers(own, others string) rule { return rule{ofAccount: true, own: own, others: others} }

// authorize is the one place that lets a caller use a route. What of the data it may see is decided in visibility.go. subject is the account in the path.
func (r rule) authorize(p *reception.Policy, account, subject string, now time.Time) error {
	wanted := r.any
	if r.ofAccount {
		wanted = []string{r.others}
		if account == subject {
			wanted = []string{r.own}
		}
	}
	if len(wanted) == 0 || wanted[0] == "" {
		return nil
	}
	for _, permission := range wanted {
		if reception.Can(p, account, permission, now) {
			return nil
		}
	}
	return forbidden(wanted[0])
}

func forbidden(permission string) error {
	return problem.New(problem.Forbidden, "permission.missing",
		"This needs the permission "+permission+", which your account does not have.", "需要权限 "+permission+"，您的账号没有。").With("permission", permission)
}
