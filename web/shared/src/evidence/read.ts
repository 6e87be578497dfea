import { browserOf, inApp } from "./browser";
import type { ClientEvidence, Mode, Notifications, Sound, Storage } from "./evidence";
import { surroundings, type Surroundings } from "./surroundings";

/** readEvidence reads everything of this tab now. wantsSound is what the person has set. It writes nothing that stays and asks nobody. */
export function readEvidence(wantsSound: boolean, of: Surroundings = surroundings()): ClientEvidence {
  return {
    notifications: notifications(of),
    secure: of.secure,
    sound: sound(wantsSound, of),
    browser: browserOf(of.userAgent, of.brands),
    mode: mode(of),
    storage: storage(of),
    visible: of.visible,
  };
}

export function notifications(of: Surroundings = surroundings()): Notifications {
  switch (of.permission) {
    case "granted":
    case "denied":
    case "default":
      return of.permission;
    default:
      return "unsupported";
  }
}

export function sound(wanted: boolean, of: Surroundings = surroundings()): Sound {
  if (!of.hasAudio) return "unsupported";
  if (!wanted) return "off";
  if (of.autoplay === "allowed") return "on";
  return of.touched === false || (of.touched === undefined && of.autoplay !== undefined) ? "blocked" : "on";
}

export function mode(of: Surroundings = surroundings()): Mode {
  if (of.framed || inApp(of.userAgent)) return "embedded";
  return of.standalone ? "installed" : "tab";
}

export function storage(of: Surroundings = surroundings()): Storage {
  try {
    of.store();
    return "ok";
  } catch (error) {
    return isQuota(error) ? "full" : "denied";
  }
}

function isQuota(error: unknown): boolean {
  return error instanceof Error && (error.name === "QuotaExceededError" || error.name === "NS_ERROR_DOM_QUOTA_REACHED");
}
