package httpapi

import (
	"github.com/bidahq/bida/internal/demo"
	"github.com/bidahq/bida/internal/help"
	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/policy"
)

const policyBody = 8 << 20

// register is the route table: every route, who may use it, and what it is for.
func (s *Server) register(t *routes) {
	route(t, "GET /policy", need(policy.PolicyView), "Read the whole policy", s.readPolicy)
	route(t, "PUT /policy", need(policy.PolicyEdit), "Make the policy agree with documents", s.writePolicy, atMost(policyBody))
	route(t, "GET /policy/documents/{kind}/{name}", need(policy.PolicyView), "Read a document", s.readDocument)
	route(t, "PUT /policy/documents/{kind}/{name}", need(policy.PolicyEdit), "Write a document", s.writeDocument)
	route(t, "DELETE /policy/documents/{kind}/{name}", need(policy.PolicyEdit), "Delete a document", s.deleteDocument)
	route(t, "POST /policy/preview", need(policy.PolicyEdit), "What would a change of the policy do?", s.previewPolicy, atMost(policyBody))
	route(t, "POST /impact", need(policy.PolicyEdit), "What would a change of the policy do to messages, and does anything lose its last receiver?", s.impact, atMost(policyBody))
	route(t, "GET /policy/dead-rules", need(policy.PolicyView), "What in the policy has no effect, or was probably forgotten?", s.deadRules)
	route(t, "GET /filters", need(policy.PolicyView), "List filter rules, with how often each took effect", s.listFilters)
	route(t, "POST /filters/test", need(policy.PolicyView), "Which filter rule takes this text, and why?", s.testFilters, atMost(policyBody))
	route(t, "GET /policy/revisions", need(policy.PolicyView), "List the changes of the policy", s.listRevisions)

	route(t, "GET /coverage", need(policy.PolicyView), "Who can receive when, by the policy?", s.coverage)
	route(t, "GET /coverage/moment", need(policy.PolicyView), "Who can receive at a moment, and what stops the others?", s.coverageAt)

	t.raw("POST /inboxes/{inbox}/messages", need(policy.MessagePost), "Hand a customer's message in", intake.Request{}, AnswerBody{}, s.readyForMessage, s.postMessage, atMost(messageBody), created(), intakeLog())
	t.raw("POST /inboxes/{inbox}/messages:batch", need(policy.MessagePost), "Hand many messages in, each alone", BatchInput{}, BatchBody{}, s.readyForBatch, s.postBatch, atMost(batchBody), intakeLog())
	route(t, "GET /inboxes/{inbox}/replies", need(policy.ReplyRead), "Fetch the answers for customers", s.listReplies)

	route(t, "GET /conversations", need(policy.ConversationView, policy.ConversationViewAll), "List conversations", s.listConversations)
	route(t, "GET /conversations/{id}", need(policy.ConversationView, policy.ConversationViewAll), "Read a conversation", s.readConversation)
	route(t, "GET /conversations/{id}/messages", need(policy.ConversationView, policy.ConversationViewAll), "Read the messages of a conversation", s.listMessages)
	route(t, "POST /conversations/{id}/replies", need(policy.MessageReply), "Answer", s.reply)
	route(t, "POST /conversations/{id}/notes", need(policy.MessageReply), "Write to colleagues in a conversation", s.note)
	route(t, "GET /conversations/{id}/receivers", need(policy.ConversationTransfer), "Who could have a conversation", s.listReceivers)
	route(t, "POST /conversations/{id}/accept", need(policy.ConversationAccept), "Open or take a conversation", s.accept)
	route(t, "POST /conversations/{id}/resolve", need(policy.ConversationResolve), "Mark a conversation as resolved", s.resolve)
	route(t, "POST /conversations/{id}/transfer", need(policy.ConversationTransfer), "Hand a conversation to a colleague", s.transfer)
	route(t, "POST /conversations/{id}/release", need(policy.ConversationRelease), "Give a conversation back, to be decided again", s.release)

	route(t, "POST /conversations/{id}/snooze", need(policy.ConversationResolve), "Set a conversation aside until a time", s.snooze)
	route(t, "POST /conversations/{id}/wake", need(policy.ConversationResolve), "Take a conversation up again that was set aside", s.wake)

	t.stream("POST /attachments", need(policy.MessageReply, policy.MessagePost), "Upload a file for messages to name", describeUpload, s.upload)
	t.stream("GET /messages/{id}/attachments/{n}", need(policy.ConversationView, policy.ConversationViewAll, policy.ReplyRead), "Read a file of a message", describeDownload, s.download)

	route(t, "GET /quarantine", need(policy.QuarantineView), "List messages that filter rules kept back or refused", s.listIntercepted)
	route(t, "GET /quarantine/{id}", need(policy.QuarantineView), "Read an intercepted message, and why it was", s.readIntercepted)
	route(t, "GET /quarantine/{id}/not-spam", need(policy.QuarantineView), "Which changes of the rule would let this message through?", s.notSpam)
	route(t, "POST /messages/{id}/release", need(policy.QuarantineRelease), "Release a message that a filter rule kept back", s.releaseMessage)
	route(t, "GET /messages", need(policy.TraceView, policy.ConversationView, policy.MessagePost), "Find messages and refused requests by an id", s.findMessages)
	route(t, "GET /messages/trace", need(policy.TraceView, policy.ConversationView, policy.MessagePost), "Follow a message, or a refused request, by the sender's id", s.traceBySender)
	route(t, "GET /messages/{id}/trace", need(policy.TraceView, policy.ConversationView), "Follow a message", s.traceByID)
	route(t, "GET /diagnosis", need(policy.DiagnosisView, policy.DiagnosisSelf), "Why does this agent (not) receive?", s.diagnose)
	// The board tells of every agent what a diagnosis of it tells, so that it takes the same permission; its actions are other routes, with theirs.
	route(t, "GET /board", boardRule, "Every agent against every check, as it is now", s.readBoard)
	t.stream("GET /board/stream", boardRule, "Be told what is new on the board", describeBoardStream, s.boardStream)
	route(t, "GET /diagnosis/patterns", need(policy.DiagnosisView), "What separates the deliveries that did not arrive as they should from the others?", s.patterns)
	t.help()
	route(t, "POST /what-if", need(policy.PolicyView), "Would this agent receive with other roles or settings?", s.whatIf, atMost(policyBody))
	lists := need(policy.DiagnosisView, policy.DiagnosisSelf)
	route(t, "GET /checklist", lists, "Read the questions of the guided check-list, and what the records answer", s.readChecklist)
	route(t, "POST /checklist/report", lists, "What do the answers to the check-list come to?", s.reportChecklist, atMost(smallBody))
	route(t, "POST /checklists", lists, "Save a check-list with its report", s.saveChecklist, created(), atMost(smallBody))
	route(t, "GET /checklists", lists, "List saved check-lists", s.listChecklists)
	route(t, "GET /checklists/{id}", lists, "Read a saved check-list, with its report as it was made then", s.readSavedChecklist)
	route(t, "DELETE /checklists/{id}", lists, "Delete a saved check-list", s.deleteChecklist)
	t.stream("GET /snapshot", need(policy.SnapshotExport), "Export what explains this installation, in one file without texts and secrets", describeSnapshot, s.exportSnapshot)
	route(t, "GET /intake/log", need(policy.IntakeLogView), "List refused requests", s.listRefusals)
	route(t, "GET /audit", need(policy.AuditView), "List who changed what", s.listAudit)
	t.logs()
	route(t, "GET /jobs", need(policy.JobView), "List what runs in the background", s.listJobs)
	route(t, "POST /jobs/{id}/replay", need(policy.JobReplay), "Have a job tried again now", s.replayJob)
	route(t, "GET /reasons", signedIn(), "Read the catalogue of reasons", s.listReasons)

	route(t, "POST /sign-in", anybody(), "Sign in at a browser", s.signIn, created(), atMost(smallBody))
	route(t, "POST /sign-out", signedIn(), "Sign out at this browser", s.signOut)
	route(t, "GET /me", signedIn(), "Who am I, what may I do, what can I receive now?", s.me)
	route(t, "GET /announcements", signedIn(), "What is announced to me, and must this client be updated?", s.listAnnouncements)
	route(t, "GET /accounts", need(policy.PolicyView), "List accounts, with what they can receive now", s.listAccounts)
	route(t, "GET /accounts/{name}", need(policy.PolicyView), "Read an account, with what it can receive now", s.readAccount)
	route(t, "GET /accounts/{name}/permissions", ownOrOthers("", policy.PolicyView), "What may an account do, and what decides it?", s.readPermissions)
	route(t, "GET /accounts/{name}/permissions/{permission}", ownOrOthers("", policy.PolicyView), "What decides a permission of an account, and what would change it?", s.readPermission)
	route(t, "GET /accounts/{name}/tokens", ownOrOthers(policy.TokenOwn, policy.TokenManage), "List tokens", s.listTokens)
	route(t, "POST /accounts/{name}/tokens", ownOrOthers(policy.TokenOwn, policy.TokenManage), "Make a token", s.createToken, created())
	route(t, "DELETE /accounts/{name}/tokens", ownOrOthers(policy.TokenOwn, policy.TokenManage), "Revoke tokens, and end what rests on them", s.revokeTokens)
	route(t, "GET /accounts/{name}/sessions", ownOrOthers("", policy.SessionEnd), "List sessions and their connections", s.listSessions)
	route(t, "DELETE /accounts/{name}/sessions", ownOrOthers("", policy.SessionEnd), "End sessions", s.endSessions)
	route(t, "PUT /accounts/{name}/password", ownOrOthers("", policy.AccountPassword), "Set a password, and end the other sessions at browsers", s.setPassword)
	// A check asks windows of somebody else to try themselves out, and tells that person so: whoever may ask why an agent receives nothing may do that as well.
	route(t, "GET /accounts/{name}/self-check", ownOrOthers(policy.DiagnosisSelf, policy.DiagnosisView), "Can this agent receive, now and next, and what did its windows find?", s.readSelfCheck)
	route(t, "POST /accounts/{name}/self-check", need(policy.DiagnosisView), "Have an agent's windows check themselves, and wait for what they find", s.askSelfCheck)
	route(t, "POST /me/self-check/messages", need(policy.DiagnosisSelf, policy.DiagnosisView), "Send oneself a test message, the way real ones go", s.sendTest, created(), atMost(smallBody))
	route(t, "GET /me/self-check/messages/{id}", need(policy.DiagnosisSelf, policy.DiagnosisView), "How far did a test message get?", s.readTest)
	route(t, "POST /me/self-check/results", need(policy.DiagnosisSelf, policy.DiagnosisView), "Say what this window found", s.reportSelfCheck, atMost(smallBody))
	route(t, "GET /accounts/{name}/timeline", ownOrOthers(policy.DiagnosisSelf, policy.DiagnosisView), "What was true of an agent over a time", s.timeline)
	route(t, "GET /accounts/{name}/presence", ownOrOthers("", policy.PresenceSetOthers), "Read a presence", s.readPresence)
	route(t, "PUT /accounts/{name}/presence", ownOrOthers(policy.PresenceSet, policy.PresenceSetOthers), "Set a presence", s.setPresence)
	route(t, "PUT /accounts/{name}/state", need(policy.AccountState), "Freeze, disable or reactivate an account", s.setState)

	chatRoute(t, "GET /chat/{inbox}", anybody(), "Can somebody receive what I write here?", s.chatOpening)
	chatRoute(t, "POST /chat/{inbox}/visitors", anybody(), "Become a visitor", s.createVisitor, created(), atMost(smallBody))
	t.chatRaw("POST /chat/{inbox}/messages", byVisitor(), "Write", describeLetter, s.postLetter, intakeLog())
	chatRoute(t, "GET /chat/{inbox}/messages", byVisitor(), "Read one's own messages and the replies", s.chatMessages)
	t.chatRaw("GET /chat/{inbox}/stream", byVisitor(), "Be told what is new", describeChatStream, s.chatStream)
	t.chatRaw("POST /chat/{inbox}/attachments", byVisitor(), "Upload a file for one's messages to name", describeChatUpload, s.uploadForChat, intakeLog())
	t.chatRaw("GET /chat/{inbox}/attachments/{message}/{n}", byVisitor(), "Read a file of a message", describeDownload, s.downloadForChat)
	chatRoute(t, "POST /chat/{inbox}/seen", byVisitor(), "Say up to where replies were shown", s.chatSeen, atMost(smallBody))
	chatRoute(t, "POST /chat/{inbox}/rating", byVisitor(), "Rate the last resolved conversation", s.rateChat, atMost(smallBody))

	// What is no part of the API's document. The realtime handler authenticates by itself: browsers cannot send a header with an upgrade.
	s.mux.HandleFunc(realtimeRoute, s.realtime(Realtime.ServeHTTP))
	s.mux.HandleFunc(streamRoute, s.realtime(Realtime.ServeStream))
	s.mux.HandleFunc("POST "+Prefix+"/realtime/stream/{stream}", s.realtime(Realtime.ServePost))
	s.mux.HandleFunc("GET /api/openapi.yaml", s.serveOpenAPI)
	s.mux.HandleFunc("GET "+SchemaPath, s.servePolicySchema)
	s.mux.HandleFunc("GET /healthz", s.healthz)
	if s.o.Demo != nil {
		s.mux.Handle("GET "+demo.ShopPath, s.o.Demo)
	}
	s.mux.HandleFunc("GET /readyz", s.readyz)
	if s.metrics != nil {
		s.mux.Handle("GET /metrics", s.metrics.handler)
	}
	s.registerUI()
	s.registerPages()
	s.mux.HandleFunc("/", s.fallback)
}

// help are the routes of requests for help and of fixes that were carried out. What of them a caller sees is decided with each.
func (t *routes) help() {
	s := t.s
	askers, helpers := need(policy.DiagnosisView, policy.DiagnosisSelf), need(help.Helpers...)
	route(t, "POST /help-requests", askers, "Pass a diagnosis on to who can mend what it names", s.askForHelp, created())
	route(t, "GET /help-requests", helpReaders(), "List requests for help", s.listHelp)
	route(t, "GET /help-requests/{id}", helpReaders(), "Read a request for help, with its report", s.readHelp)
	route(t, "POST /help-requests/{id}/take", helpers, "Take a request for help on", s.answerHelp(ledger.HelpTaken))
	route(t, "POST /help-requests/{id}/done", helpers, "Say that a request for help was dealt with", s.answerHelp(ledger.HelpDone))
	route(t, "POST /help-requests/{id}/decline", helpers, "Decline a request for help, and say why", s.answerHelp(ledger.HelpDeclined))
	route(t, "POST /help-requests/{id}/withdraw", askers, "Withdraw one's own request for help", s.answerHelp(ledger.HelpWithdrawn))
	route(t, "POST /repairs", need(policy.PolicyEdit, policy.PresenceSet, policy.PresenceSetOthers, policy.DiagnosisSelf), "Carry the fix of a cause out, and have it checked afterwards", s.repair, created(), atMost(policyBody))
	route(t, "GET /repairs", helpReaders(), "List fixes that were carried out", s.listRepairs)
	route(t, "GET /repairs/{id}", helpReaders(), "What became of a fix: did messages arrive?", s.readRepair)
}

// logs are the routes of the logs. What of a log a caller sees is told in its answer; the text of a message is in none.
func (t *routes) logs() {
	s := t.s
	intakes, pushes, errs := need(policy.IntakeLogView, policy.TraceView), need(policy.TraceView, policy.ConversationView), need(policy.JobView, policy.IntakeLogView)
	route(t, "GET /logs/intake", intakes, "What came in, and what was refused", s.intakeLogPage)
	route(t, "GET /logs/intake/counts", intakes, "How much came in, by what became of it", s.countIntake)
	route(t, "GET /logs/intake/export", intakes, "Save the log of what came in", s.exportIntake)
	route(t, "GET /logs/push", pushes, "What was put into agents' lists, and every push", s.pushLogPage)
	route(t, "GET /logs/push/export", pushes, "Save the log of pushes", s.exportPushes)
	route(t, "GET /logs/sign-in", signedIn(), "Sessions, and failed sign-ins", s.signInLogPage)
	route(t, "GET /logs/sign-in/export", signedIn(), "Save the log of sign-ins", s.exportSignIns)
	route(t, "GET /logs/operations", need(policy.AuditView), "Who changed what", s.operationLogPage)
	route(t, "GET /logs/operations/export", need(policy.AuditView), "Save the log of operations", s.exportOperations)
	route(t, "GET /logs/errors", errs, "What failed in Bida itself, and why requests were refused", s.errorLog)
	route(t, "GET /logs/errors/export", errs, "Save the log of errors", s.exportErrors)
}
