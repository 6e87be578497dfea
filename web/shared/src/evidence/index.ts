export { browserOf } from "./browser";
export type { ClientEvidence, Mode, Notifications, Sound, Storage } from "./evidence";
export { mode, notifications, readEvidence, sound, storage } from "./read";
export { surroundings } from "./surroundings";
export type { Surroundings } from "./surroundings";
