/** Up to which sequence a person has read a conversation on this device: where the mark of new messages stands. */
const most = 500;

const keyOf = (account: string): string => `bida.read.${account}`;

function all(account: string): readonly (readonly [string, number])[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(keyOf(account)) ?? "[]");
    return Array.isArray(value) ? value.filter((x): x is [string, number] => Array.isArray(x) && typeof x[0] === "string" && typeof x[1] === "number") : [];
  } catch {
    return []; // a browser that keeps nothing, or what somebody wrote there by hand
  }
}

export function lastRead(account: string, conversation: string): number | undefined {
  return all(account).find(([id]) => id === conversation)?.[1];
}

export function setLastRead(account: string, conversation: string, sequence: number): void {
  const others = all(account).filter(([id]) => id !== conversation);
  try {
    localStorage.setItem(keyOf(account), JSON.stringify([...others, [conversation, sequence]].slice(-most)));
  } catch {
    // Then nothing is marked as new.
  }
}
