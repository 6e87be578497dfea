package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bidahq/bida/client"
)

// Office is how the demo's own people reach the server.
type Office struct {
	Server string // its URL
	// Token makes a token for an account; Revoke takes back all that were made.
	Token  func(ctx context.Context, account string) (string, error)
	Revoke func(ctx context.Context) error
}

// patience bounds the whole history: without it, a server that cannot route would keep the demo's agents at their desks for ever.
const patience = 30 * time.Second

// History lets the company work for a moment: a supervisor changes a setting, two agents sign in, customers write, some are answered, some wait. Afterwards
// everybody has signed out.
func (o Office) History(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer func() {
		// Whatever happened, nobody keeps a key to the office; also when the server is just stopping.
		if e := o.Revoke(context.WithoutCancel(ctx)); err == nil {
			err = e
		}
	}()
	if err := o.switchGroupsOff(ctx); err != nil {
		return fmt.Errorf("the supervisor's change: %w", err)
	}
	if err := o.workDay(ctx); err != nil {
		return fmt.Errorf("the customers' messages: %w", err)
	}
	return o.afterHours(ctx)
}

func (o Office) as(ctx context.Context, account string) (*client.Client, error) {
	token, err := o.Token(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("token of %s: %w", account, err)
	}
	return client.New(o.Server, token)
}

// switchGroupsOff is the change that the tour asks about: by whom, when, why.
func (o Office) switchGroupsOff(ctx context.Context) error {
	supervisor, err := o.as(ctx, "supervisor-b")
	if err != nil {
		return err
	}
	was, err := supervisor.Document(ctx, "account", groupsOffFor)
	if err != nil {
		return err
	}
	spec, err := withDeny(was.Spec, []string{"receive.group"})
	if err != nil {
		return err
	}
	body := map[string]any{
		"documents": []map[string]any{{"kind": "account", "name": groupsOffFor, "spec": spec}},
		"reason":    "大促期间只接客户消息 customers only during the sale",
	}
	_, err = supervisor.Do(ctx, client.Call{Method: http.MethodPut, Path: client.Path("policy"), IfMatch: was.Revision, Body: body}, nil)
	return err
}

// agents who work in the history.
var agents = []string{"agent-a", "agent-c"}

// workDay has the agents at their desks while customers write.
func (o Office) workDay(ctx context.Context) error {
	shop, err := o.as(ctx, "shop")
	if err != nil {
		return err
	}
	desks := map[string]*desk{}
	for _, name := range agents {
		d, err := o.open(ctx, name)
		if err != nil {
			return fmt.Errorf("desk of %s: %w", name, err)
		}
		defer d.close() // at the latest; that closing twice does no harm is close's business
		desks[name] = d
	}
	for _, talk := range answered {
		if err := talk.happen(ctx, shop, desks); err != nil {
			return err
		}
	}
	for _, name := range agents {
		if err := desks[name].leave(ctx); err != nil {
			return fmt.Errorf("%s signs out: %w", name, err)
		}
	}
	return nil
}

// afterHours is what comes in when nobody is there, and what is turned away.
func (o Office) afterHours(ctx context.Context) error {
	shop, err := o.as(ctx, "shop")
	if err != nil {
		return err
	}
	for _, talk := range waiting {
		if _, err := talk.write(ctx, shop, 0); err != nil {
			return err
		}
	}
	_, err = shop.PostMessage(ctx, "after-sales", client.Message{
		ID: "demo-refused-1", Kind: "group", Contact: client.Contact{ID: "demo-c-8", Name: "家长群"}, Text: "这条会被拒收：售后工单不接群消息",
	})
	if client.AsRefused(err) == nil { // it is meant to be refused: the intake log has something to show
		return errors.Join(errors.New("a message of a kind that the inbox does not produce was not refused"), err)
	}
	return nil
}

// desk is one agent at work.
type desk struct {
	name   string
	client *client.Client
	stop   context.CancelFunc
	done   chan struct{}
}

// open signs an agent in and waits until it can receive.
func (o Office) open(ctx context.Context, name string) (*desk, error) {
	c, err := o.as(ctx, name)
	if err != nil {
		return nil, err
	}
	listening, stop := context.WithCancel(ctx)
	d := &desk{name: name, client: c, stop: stop, done: make(chan struct{})}
	live, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		defer close(d.done)
		ended <- c.Listen(listening, client.ListenOptions{
			ClientID: "demo-desk", Name: "bida-demo", Lang: "zh", OnEvent: func(client.Event) error { return nil },
			OnState: func(s client.State) {
				if s.Phase == client.Live {
					select {
					case live <- struct{}{}:
					default:
					}
				}
			},
		})
	}()
	select {
	case <-live:
	case err := <-ended:
		d.close()
		return nil, err
	case <-ctx.Done():
		d.close()
		return nil, ctx.Err()
	}
	if err := c.SetPresence(ctx, name, "available", "", time.Time{}); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// leave goes offline and signs out, as a person does at the end of the day.
func (d *desk) leave(ctx context.Context) error {
	if err := d.client.SetPresence(ctx, d.name, "offline", "", time.Time{}); err != nil {
		return err
	}
	d.close()
	return d.client.EndSessions(ctx, d.name, "")
}

// close ends the connection and waits for it; twice is once.
func (d *desk) close() {
	d.stop()
	<-d.done
}

// talk is one conversation: what the customer writes and the agents answer, in turn.
type talk struct {
	inbox, kind    string
	customer, name string
	lines          []string // customer, agent, customer, agent, …
}

func (t talk) write(ctx context.Context, shop *client.Client, line int) (client.Answer, error) {
	return shop.PostMessage(ctx, t.inbox, client.Message{
		ID: fmt.Sprintf("demo-%s-%d", t.customer, line), Kind: t.kind, Contact: client.Contact{ID: t.customer, Name: t.name}, Text: t.lines[line],
	})
}

// happen plays the conversation to its end.
func (t talk) happen(ctx context.Context, shop *client.Client, desks map[string]*desk) error {
	for i := 0; i+1 < len(t.lines); i += 2 {
		a, err := t.write(ctx, shop, i)
		if err != nil {
			return err
		}
		d := desks[a.Agent]
		if d == nil { // nobody was chosen: it is offered or waits, and somebody takes it
			d = desks[agents[0]]
		}
		if _, err := d.client.Answer(ctx, a.Conversation, fmt.Sprintf("demo-%d", i), t.lines[i+1]); err != nil {
			return err
		}
		if i+2 < len(t.lines) {
			continue
		}
		if err := d.client.Act(ctx, a.Conversation, "resolve"); err != nil {
			return err
		}
	}
	return nil
}

var answered = []talk{
	{"web", "customer", "demo-c-1", "李雷", []string{
		"你好，我的包裹三天没有更新了，能帮我看看吗？📦", "您好，李先生，我是小禾。请稍等，我查一下物流。",
		"好的，订单尾号 2071", "查到了：昨晚已到本地站点，今天下午派送，派送前会给您打电话 🚚",
	}},
	{"web", "customer", "demo-c-2", "韩梅梅", []string{
		"发票抬头写错了，还能改吗？", "可以的。请把正确的抬头和税号发给我，我帮您重开。",
	}},
	{"web", "customer", "demo-c-3", "Jane Miller", []string{
		"Hi, do you ship to Shenzhen on weekends?", "Yes, we do. Orders before 15:00 leave the same day.",
	}},
	{"store", "group", "demo-g-1", "青禾门店二群", []string{
		"群里有人问门店今天几点关门？", "今天营业到 21:30，欢迎过来。",
	}},
}

var waiting = []talk{
	{"web", "customer", "demo-c-4", "王小明", []string{"请问这款大米有 5 公斤装的吗？"}},
	{"after-sales", "customer", "demo-c-5", "赵女士", []string{"收到的碗有一只磕坏了，照片在相册里，怎么换？"}},
	{"after-sales", "customer", "demo-c-6", "孙先生", []string{"退款什么时候到账？已经五个工作日了。"}},
}
