import { preferences } from "../../app/preferences";
import { workspaceText } from "./text";

// Desktop notifications for messages that come while nobody looks at the page. They say neither who wrote nor what: other people may see the screen.

/** mayAsk says whether the browser would ask the person to allow notifications. */
export function mayAsk(): boolean {
  return window.isSecureContext && "Notification" in window && Notification.permission === "default";
}

/** askToNotify has the browser ask. It must be called by a click. */
export async function askToNotify(): Promise<void> {
  await Notification.requestPermission();
}

/** notify shows that a message came, once for a conversation, if the person allowed it and does not see the page. */
export function notify(conversation: string): void {
  if (document.visibilityState === "visible" || !("Notification" in window) || Notification.permission !== "granted") return;
  try {
    const shown = new Notification(workspaceText[preferences().language].newMessage, { tag: `bida-${conversation}`, silent: true }); // the chime is our own
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
  } catch {
    // A browser on a phone shows them from a service worker only.
  }
}
