import type { Brand } from "./browser";

/** What is read of a browser and a tab; a test brings its own. */
export interface Surroundings {
  readonly userAgent: string;
  readonly brands: readonly Brand[] | undefined;
  readonly secure: boolean;
  /** The permission for notifications; undefined where there are none. */
  readonly permission: string | undefined;
  /** Whether the page could make a sound at all. */
  readonly hasAudio: boolean;
  /** What the browser allows of audio by itself, where it says so: allowed, allowed-muted, disallowed. */
  readonly autoplay: string | undefined;
  /** Whether the person has touched the page, where the browser says so. */
  readonly touched: boolean | undefined;
  /** Whether the page is in a frame of another one. */
  readonly framed: boolean;
  /** Whether the page has a window of its own. */
  readonly standalone: boolean;
  /** Whether a person can see the page. */
  readonly visible: boolean;
  /** Writes something small into the storage and takes it away again; it throws what the browser throws. */
  store(): void;
}

/** What not every browser has, and TypeScript's library does not know. */
interface SomeNavigator {
  readonly userAgentData?: { readonly brands?: readonly Brand[] };
  readonly userActivation?: { readonly hasBeenActive: boolean };
  readonly standalone?: boolean;
  getAutoplayPolicy?(kind: "audiocontext"): string;
}

const probe = "bida.evidence.probe";

/** surroundings are those of this page, now. */
export function surroundings(): Surroundings {
  const some = navigator as Navigator & SomeNavigator;
  return {
    userAgent: navigator.userAgent,
    brands: some.userAgentData?.brands,
    secure: window.isSecureContext,
    permission: "Notification" in window ? Notification.permission : undefined,
    hasAudio: "AudioContext" in window,
    autoplay: some.getAutoplayPolicy?.("audiocontext"),
    touched: (some.userActivation as SomeNavigator["userActivation"])?.hasBeenActive,
    framed: window.top !== window.self,
    standalone: some.standalone === true || window.matchMedia("(display-mode: standalone), (display-mode: fullscreen), (display-mode: minimal-ui), (display-mode: window-controls-overlay)").matches,
    visible: document.visibilityState === "visible",
    store: () => {
      localStorage.setItem(probe, "x".repeat(1_024));
      localStorage.removeItem(probe);
    },
  };
}
