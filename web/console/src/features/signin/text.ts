import { texts } from "@bida/shared/text";

export const signInText = texts(
  {
    title: "登录",
    account: "账号",
    password: "密码",
    submit: "登录",
    showPassword: "显示密码",
    accountMissing: "请填写账号",
    passwordMissing: "请填写密码",
    wrong: "账号或密码不正确。",
    wait: (seconds: number) => `尝试过于频繁，请 ${seconds} 秒后再试。其他人和其他设备不受影响。`,
    network: "服务器没有响应，请检查网络后重试。",
    ended: "登录已结束，请重新登录。草稿已保存在本机，登录后可以继续。",
    language: "English",
  },
  {
    title: "Sign in",
    account: "Account",
    password: "Password",
    submit: "Sign in",
    showPassword: "Show the password",
    accountMissing: "Enter your account",
    passwordMissing: "Enter your password",
    wrong: "The account or the password is wrong.",
    wait: (seconds: number) => `Too many attempts. Try again in ${seconds} s. Other people and devices are not affected.`,
    network: "The server does not answer. Check the network and try again.",
    ended: "Your session has ended. Sign in again; your drafts are kept on this device.",
    language: "中文",
  },
);
