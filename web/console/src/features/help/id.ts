/** newId names what must be carried out once, however often it is sent. */
export const newId = (): string => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
