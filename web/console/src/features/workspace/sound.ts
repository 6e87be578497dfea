// A short, quiet sound for messages that come while nobody looks at their conversation. It is made, not loaded: there is no file to fetch.

const key = "bida.sound";
let context: AudioContext | undefined;
let last = 0;
let watched = "";
const listeners = new Set<() => void>();

const atMostEvery = 1_500;

/** Whether the person wants to hear messages. */
export function soundOn(): boolean {
  try {
    return localStorage.getItem(key) !== "off";
  } catch {
    return true;
  }
}

export function setSound(on: boolean): void {
  try {
    localStorage.setItem(key, on ? "on" : "off");
  } catch {
    // It holds for nobody: a browser that keeps nothing.
  }
  for (const tell of listeners) tell();
}

/** onSound is told when the person turns the sound on or off in this tab; the result ends that. */
export function onSound(f: () => void): () => void {
  listeners.add(f);
  return () => void listeners.delete(f);
}

/** The conversation that is open: while the page is visible its messages make no sound. */
export function watch(conversation: string): void {
  watched = conversation;
}

/** chime plays the sound for a message of a conversation. Browsers stay silent until the person has touched the page; so do we. */
export function chime(conversation: string): void {
  const now = Date.now();
  if (!soundOn() || now - last < atMostEvery || (conversation === watched && document.visibilityState === "visible")) return;
  if (navigator.userActivation?.hasBeenActive === false) return;
  last = now;
  context ??= new AudioContext();
  void context.resume().then(() => play(context));
}

/** playNow plays the sound for a person who asked for it with a click, and says whether it can be heard. */
export async function playNow(): Promise<boolean> {
  context ??= new AudioContext();
  const patience = new Promise<void>((resolve) => setTimeout(resolve, 500)); // where the browser allows no sound, resume never ends
  await Promise.race([context.resume(), patience]);
  play(context);
  return context.state === "running";
}

function play(audio: AudioContext | undefined): void {
  if (!audio || audio.state !== "running") return;
  const at = audio.currentTime;
  for (const [i, frequency] of [880, 1174.7].entries()) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at + i * 0.12);
    volume.gain.linearRampToValueAtTime(0.08, at + i * 0.12 + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + i * 0.12 + 0.35);
    tone.connect(volume).connect(audio.destination);
    tone.start(at + i * 0.12);
    tone.stop(at + i * 0.12 + 0.4);
  }
}
