import { App, Button, DatePicker, Form, Input, Modal } from "antd";
import { useMutation } from "@tanstack/react-query";
import dayjs, { type Dayjs } from "dayjs";
import { useState, type ReactNode } from "react";
import { ask, errorOf } from "@bida/shared/api";
import { api } from "../../app/api";
import { useWords } from "../../app/words";
import { useErrorWords } from "../../ui/states";
import { nameOf } from "./parts";
import { changed, type Account } from "./queries";
import { agentsText } from "./text";

type Action = "freeze" | "disable" | "reactivate";

const stateAfter = { freeze: "frozen", disable: "disabled", reactivate: "active" } as const;

interface Fields {
  readonly reason?: string;
  readonly until?: Dayjs | null;
}

/** The buttons that freeze, disable or reactivate an account; each says first what happens to sessions and conversations. */
export function StateActions({ account }: { readonly account: Account }): ReactNode {
  const t = useWords(agentsText);
  const [asked, setAsked] = useState<Action>();
  const possible: readonly Action[] = account.state === "active" ? ["freeze", "disable"] : account.state === "frozen" ? ["reactivate", "disable"] : ["reactivate"];
  return (
    <>
      {possible.map((action) => <Button key={action} danger={action === "disable"} onClick={() => setAsked(action)}>{t[action]}</Button>)}
      {asked && <StateDialog account={account} action={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function StateDialog({ account, action, onClose }: { readonly account: Account; readonly action: Action; readonly onClose: () => void }): ReactNode {
  const t = useWords(agentsText);
  const words = useErrorWords();
  const { message } = App.useApp();
  const [form] = Form.useForm<Fields>();
  const name = nameOf(account);
  const save = useMutation({
    mutationFn: (fields: Fields) => ask(api.PUT("/accounts/{name}/state", {
      params: { path: { name: account.name } },
      body: {
        state: stateAfter[action],
        ...(fields.reason === undefined || fields.reason.trim() === "" ? {} : { reason: fields.reason.trim() }),
        ...(fields.until ? { until: fields.until.format("YYYY-MM-DDTHH:mm:ssZ") } : {}),
      },
    })),
    onSuccess: async () => {
      void message.success(t.stateDone(name, t.states[stateAfter[action]]));
      onClose();
      await changed();
    },
  });
  return (
    <Modal open title={<bdi>{action === "freeze" ? t.freezeTitle(name) : action === "disable" ? t.disableTitle(name) : t.reactivateTitle(name)}</bdi>}
      okText={t[action]} cancelText={t.cancel} okButtonProps={{ danger: action === "disable", loading: save.isPending }} onCancel={onClose} onOk={() => form.submit()}>
      <div className="agents-dialog">
        {action === "reactivate" ? <p>{t.reactivateText}</p> : <p>{t.stopsNow} {t.conversationsMove(account.load)}</p>}
        <Form<Fields> form={form} layout="vertical" requiredMark={false} onFinish={(fields) => save.mutate(fields)}>
          {action !== "reactivate" && (
            <Form.Item name="reason" label={t.reason} rules={[{ required: true, whitespace: true, message: t.reasonMissing }]}>
              <Input.TextArea autoFocus maxLength={200} rows={3} placeholder={t.reasonHint} />
            </Form.Item>
          )}
          {action === "freeze" && (
            <Form.Item name="until" label={t.untilLabel} extra={t.untilHint}
              rules={[{ validator: (_, at: Dayjs | null | undefined) => (at && !at.isAfter(dayjs()) ? Promise.reject(new Error(t.untilPast)) : Promise.resolve()) }]}>
              <DatePicker showTime={{ format: "HH:mm" }} format="YYYY-MM-DD HH:mm" minDate={dayjs()} className="agents-until" />
            </Form.Item>
          )}
        </Form>
        {save.error && <p role="alert" className="agents-wrong">{words(save.error)}</p>}
      </div>
    </Modal>
  );
}

/** The button that sets somebody else's password. One's own is changed on the page of one's own sessions, where the present one is asked for. */
export function PasswordAction({ account }: { readonly account: Account }): ReactNode {
  const t = useWords(agentsText);
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t.setPassword}</Button>
      {open && <PasswordDialog account={account} onClose={() => setOpen(false)} />}
    </>
  );
}

function PasswordDialog({ account, onClose }: { readonly account: Account; readonly onClose: () => void }): ReactNode {
  const t = useWords(agentsText);
  const words = useErrorWords();
  const { message } = App.useApp();
  const [form] = Form.useForm<{ readonly password: string }>();
  const name = nameOf(account);
  const save = useMutation({
    mutationFn: async ({ password }: { readonly password: string }) => {
      const { error, response } = await api.PUT("/accounts/{name}/password", { params: { path: { name: account.name } }, body: { password } });
      if (!response.ok) throw errorOf(response, error);
    },
    onSuccess: async () => {
      void message.success(t.passwordDone(name));
      onClose();
      await changed();
    },
  });
  return (
    <Modal open title={<bdi>{t.setPasswordTitle(name)}</bdi>} okText={t.setPassword} cancelText={t.cancel} okButtonProps={{ loading: save.isPending }} onCancel={onClose} onOk={() => form.submit()}>
      <div className="agents-dialog">
        <p>{t.setPasswordText}</p>
        <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => save.mutate(fields)}>
          <Form.Item name="password" label={t.newPassword} rules={[{ validator: (_, p: string | undefined) => ([...(p ?? "")].length < 8 ? Promise.reject(new Error(t.passwordShort)) : Promise.resolve()) }]}>
            <Input.Password autoFocus autoComplete="new-password" maxLength={256} />
          </Form.Item>
        </Form>
        {save.error && <p role="alert" className="agents-wrong">{words(save.error)}</p>}
      </div>
    </Modal>
  );
}
