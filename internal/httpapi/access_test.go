package httpapi

import (
	"slices"
	"strings"
	"testing"
)

// access says for every route who may use it; everybody else is refused with 403, and guests with 401. "own" stands for the account in the path.
var access = map[string]string{
	"GET /policy":                                   "sup auditor admin",
	"PUT /policy":                                   "admin",
	"GET /policy/documents/{kind}/{name}":           "sup auditor admin",
	"PUT /policy/documents/{kind}/{name}":           "admin",
	"DELETE /policy/documents/{kind}/{name}":        "admin",
	"POST /policy/preview":                          "admin",
	"POST /impact":                                  "admin",
	"GET /policy/revisions":                         "sup auditor admin",
	"GET /coverage":                                 "sup auditor admin",
	"GET /coverage/moment":                          "sup auditor admin",
	"POST /inboxes/{inbox}/messages":                "robot admin",
	"POST /inboxes/{inbox}/messages:batch":          "robot admin",
	"GET /inboxes/{inbox}/replies":                  "robot admin",
	"GET /conversations":                            "agent-a agent-b sup admin",
	"GET /conversations/{id}":                       "agent-a agent-b sup admin",
	"GET /conversations/{id}/messages":              "agent-a agent-b sup admin",
	"POST /conversations/{id}/replies":              "agent-a agent-b sup admin",
	"POST /conversations/{id}/notes":                "agent-a agent-b sup admin",
	"GET /conversations/{id}/receivers":             "agent-a agent-b sup admin",
	"POST /conversations/{id}/accept":               "agent-a agent-b sup admin",
	"POST /conversations/{id}/resolve":              "agent-a agent-b sup admin",
	"POST /conversations/{id}/transfer":             "agent-a agent-b sup admin",
	"POST /conversations/{id}/release":              "agent-a agent-b sup admin",
	"POST /conversations/{id}/snooze":               "agent-a agent-b sup admin",
	"POST /conversations/{id}/wake":                 "agent-a agent-b sup admin",
	"GET /messages":                                 "robot agent-a agent-b sup auditor admin",
	"POST /attachments":                             "robot agent-a agent-b sup admin",
	"GET /messages/{id}/attachments/{n}":            "robot agent-a agent-b sup admin",
	"GET /messages/trace":                           "robot agent-a agent-b sup auditor admin",
	"GET /messages/{id}/trace":                      "agent-a agent-b sup auditor admin",
	"GET /chat/{inbox}":                             "anybody",
	"POST /chat/{inbox}/visitors":                   "anybody",
	"POST /chat/{inbox}/messages":                   "visitor",
	"GET /chat/{inbox}/messages":                    "visitor",
	"GET /chat/{inbox}/stream":                      "visitor",
	"POST /chat/{inbox}/seen":                       "visitor",
	"POST /chat/{inbox}/rating":                     "visitor",
	"GET /filters":                                  "sup auditor admin",
	"POST /filters/test":                            "sup auditor admin",
	"GET /quarantine":                               "sup admin",
	"GET /quarantine/{id}":                          "sup admin",
	"GET /quarantine/{id}/not-spam":                 "sup admin",
	"POST /messages/{id}/release":                   "sup admin",
	"GET /accounts/{name}/self-check":               "own sup auditor admin",
	"POST /accounts/{name}/self-check":              "sup auditor admin",
	"POST /me/self-check/messages":                  "agent-a agent-b sup auditor admin",
	"GET /me/self-check/messages/{id}":              "agent-a agent-b sup auditor admin",
	"POST /me/self-check/results":                   "agent-a agent-b sup auditor admin",
	"GET /diagnosis":                                "agent-a agent-b sup auditor admin",
	"GET /board":                                    "sup auditor admin",
	"GET /board/stream":                             "sup auditor admin",
	"GET /diagnosis/patterns":                       "sup auditor admin",
	"GET /checklist":                                "agent-a agent-b sup auditor admin",
	"POST /checklist/report":                        "agent-a agent-b sup auditor admin",
	"POST /checklists":                              "agent-a agent-b sup auditor admin",
	"GET /checklists":                               "agent-a agent-b sup auditor admin",
	"GET /checklists/{id}":                          "agent-a agent-b sup auditor admin",
	"DELETE /checklists/{id}":                       "agent-a agent-b sup auditor admin",
	"POST /what-if":                                 "sup auditor admin",
	"GET /intake/log":                               "sup admin",
	"GET /audit":                                    "auditor admin",
	"GET /jobs":                                     "admin",
	"POST /jobs/{id}/replay":                        "admin",
	"GET /reasons":                                  "nobody robot agent-a agent-b sup auditor admin",
	"GET /me":                                       "nobody robot agent-a agent-b sup auditor admin",
	"GET /announcements":                            "nobody robot agent-a agent-b sup auditor admin",
	"GET /accounts":                                 "sup auditor admin",
	"GET /accounts/{name}":                          "sup auditor admin",
	"GET /accounts/{name}/permissions":              "own sup auditor admin",
	"GET /accounts/{name}/permissions/{permission}": "own sup auditor admin",
	"GET /accounts/{name}/tokens":                   "own admin",
	"POST /accounts/{name}/tokens":                  "own admin",
	"DELETE /accounts/{name}/tokens":                "own admin",
	"GET /accounts/{name}/sessions":                 "own sup admin",
	"DELETE /accounts/{name}/sessions":              "own sup admin",
	"GET /accounts/{name}/timeline":                 "own sup auditor admin",
	"PUT /accounts/{name}/password":                 "own admin",
	"POST /sign-in":                                 "anybody",
	"POST /sign-out":                                "nobody robot agent-a agent-b sup auditor admin",
	"GET /accounts/{name}/presence":                 "own sup admin",
	"PUT /accounts/{name}/presence":                 "own sup admin",
	"PUT /accounts/{name}/state":                    "admin",
	"POST /chat/{inbox}/attachments":                "visitor",
	"GET /chat/{inbox}/attachments/{message}/{n}":   "visitor",
	"POST /help-requests":                           "agent-a agent-b sup auditor admin",
	"GET /help-requests":                            "agent-a agent-b sup auditor admin",
	"GET /help-requests/{id}":                       "agent-a agent-b sup auditor admin",
	"POST /help-requests/{id}/take":                 "sup admin",
	"POST /help-requests/{id}/done":                 "sup admin",
	"POST /help-requests/{id}/decline":              "sup admin",
	"POST /help-requests/{id}/withdraw":             "agent-a agent-b sup auditor admin",
	"POST /repairs":                                 "agent-a agent-b sup admin",
	"GET /repairs":                                  "agent-a agent-b sup auditor admin",
	"GET /repairs/{id}":                             "agent-a agent-b sup auditor admin",
	"GET /policy/dead-rules":                        "sup auditor admin",
	"GET /snapshot":                                 "admin",
	"GET /logs/intake":                              "sup auditor admin",
	"GET /logs/intake/counts":                       "sup auditor admin",
	"GET /logs/intake/export":                       "sup auditor admin",
	"GET /logs/push":                                "agent-a agent-b sup auditor admin",
	"GET /logs/push/export":                         "agent-a agent-b sup auditor admin",
	"GET /logs/sign-in":                             "nobody robot agent-a agent-b sup auditor admin",
	"GET /logs/sign-in/export":                      "nobody robot agent-a agent-b sup auditor admin",
	"GET /logs/operations":                          "auditor admin",
	"GET /logs/operations/export":                   "auditor admin",
	"GET /logs/errors":                              "sup admin",
	"GET /logs/errors/export":                       "sup admin",
}

// subject is the account in the path: an agent, who may do what is its own.
const subject = "agent-b"

func TestEveryRouteIsForThoseWhoHaveItsPermission(t *testing.T) {
	b := newChatBench(t)
	b.boards.Stop()
	seen := map[string]bool{}
	path := strings.NewReplacer("{kind}", "account", "{name}", subject, "/chat/{inbox}", "/chat/site", "{inbox}", "web", "{id}", "c999", "{n}", "0", "{permission}", "receive.group")
	for _, route := range b.server.routes {
		method, pattern, _ := strings.Cut(route.pattern, " ")
		pattern = strings.TrimPrefix(pattern, Prefix)
		allowed, ok := access[method+" "+pattern]
		if !ok {
			t.Errorf("%s %s: nobody has thought about who may use it", method, pattern)
			continue
		}
		seen[method+" "+pattern] = true
		if method == "DELETE" && strings.HasPrefix(pattern, "/accounts") {
			continue // it would end the test's own tokens; see below
		}
		for _, actor := range actors {
			may := slices.Contains(strings.Fields(allowed), actor) || actor == subject && slices.Contains(strings.Fields(allowed), "own")
			got := b.ask(actor, method, path.Replace(pattern), nil)
			switch {
			case pattern == "/board/stream" && may: // it ended because the watchers were stopped; see TestTheBoardIsToldAsItChanges
				got.problem(503, "system.stopping", "")
			case allowed == "anybody" && got.status < 500 && got.status != 401 && got.status != 403:
			case allowed == "visitor" && actor == "guest":
				got.problem(401, "chat.token_missing", "")
			case allowed == "visitor": // the token of an account is none of a visitor
				got.problem(401, "chat.token_unknown", "")
			case actor == "guest":
				got.problem(401, "identity.token_missing", "")
			case !may:
				got.problem(403, "permission.missing", "")
			case got.status == 401 || got.status == 403 || got.status >= 500:
				t.Errorf("%s %s as %s: %d %s", method, pattern, actor, got.status, got.raw)
			}
		}
	}
	for name := range access {
		if !seen[name] {
			t.Errorf("%s is no route", name)
		}
	}
}

func TestOnlyWhoMayRevokesTokensAndEndsSessions(t *testing.T) {
	for path, allowed := range map[string]string{"/accounts/agent-b/tokens": "agent-b admin", "/accounts/agent-b/sessions": "agent-b sup admin"} {
		for _, actor := range actors {
			b := newBench(t)
			b.online("agent-b")
			got := b.ask(actor, "DELETE", path, nil)
			online := len(b.ledger.Agent("agent-b").Sessions) > 0
			switch {
			case slices.Contains(strings.Fields(allowed), actor):
				if got.want(200); online {
					t.Errorf("DELETE %s as %s: the session goes on", path, actor)
				}
			case got.status != 401 && got.status != 403 || !online:
				t.Errorf("DELETE %s as %s: %d, online %v", path, actor, got.status, online)
			}
		}
	}
}

func TestAnAccountThatMayNotSignInMayDoNothing(t *testing.T) {
	b := newBench(t)
	b.ask("admin", "PUT", "/accounts/sup/state", map[string]any{"state": "frozen", "reason": "vacation"}).want(200)
	b.ask("sup", "GET", "/me", nil).problem(403, "account.state.frozen", "")
	b.ask("sup", "GET", "/policy", nil).problem(403, "account.state.frozen", "")
	b.ask("admin", "PUT", "/accounts/sup/state", map[string]any{"state": "active"}).want(200)
	b.ask("sup", "GET", "/me", nil).want(200)
}
