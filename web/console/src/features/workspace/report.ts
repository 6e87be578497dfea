import { readEvidence } from "@bida/shared/evidence";
import type { ListFilter, RealtimeClient, Report } from "@bida/shared/realtime";
import { onSound, soundOn } from "./sound";

// What this tab tells the server of how it reaches its person, so that a diagnosis can say why a message that arrived was not noticed. Nothing that a
// person typed is in it.

/** No list is in view: another page is open. */
const noList: ListFilter = { tab: "none" };

let filter = noList;
let again: () => void = () => undefined;

/** inView says which list is in view, as long as it is; the result ends that. */
export function inView(shown: ListFilter): () => void {
  filter = shown;
  again();
  return () => {
    if (filter !== shown) return;
    filter = noList;
    again();
  };
}

/** rereport reads the tab again, after something that no event tells of. */
export function rereport(): void {
  again();
}

function report(): Report {
  const { visible: _, ...evidence } = readEvidence(soundOn()); // visibility has a frame of its own
  return { ...evidence, filter };
}

/** reporting tells what the tab is like now and whenever that changes; the result ends it. */
export function reporting(realtime: RealtimeClient): () => void {
  const tell = (): void => realtime.report(report());
  const stops = [onSound(tell), listen(document, "visibilitychange", tell), listen(window, "focus", tell), listen(window, "appinstalled", tell), firstTouch(tell), permission(tell)];
  again = tell;
  tell();
  return () => {
    again = () => undefined;
    for (const stop of stops) stop();
  };
}

function listen(target: EventTarget, type: string, f: () => void): () => void {
  target.addEventListener(type, f);
  return () => target.removeEventListener(type, f);
}

/** The first touch lets the browser play sounds; it does not tell. */
function firstTouch(f: () => void): () => void {
  const stops: (() => void)[] = [];
  const once = (): void => {
    for (const stop of stops) stop();
    f();
  };
  stops.push(listen(window, "pointerup", once), listen(window, "keyup", once));
  return () => {
    for (const stop of stops) stop();
  };
}

/** A person changes the permission for notifications in the browser's settings, too. */
function permission(f: () => void): () => void {
  let stop: () => void = () => undefined;
  let ended = false;
  void navigator.permissions?.query({ name: "notifications" }).then((status) => {
    if (!ended) stop = listen(status, "change", f);
  }, () => undefined); // a browser that does not tell
  return () => {
    ended = true;
    stop();
  };
}
