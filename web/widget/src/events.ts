// Server-sent events, read from a fetch body: EventSource cannot send the visitor's token in a header, and a token in an address ends up in logs.

export interface ServerEvent {
  type: string;
  id: string;
  data: string;
}

/** readEvents calls back for every event and for every piece that arrives (also comments: they show that the line is alive), until the body ends. */
export async function readEvents(body: ReadableStream<Uint8Array>, heard: () => void, each: (event: ServerEvent) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let event: ServerEvent = { type: "", id: "", data: "" };
  let some = false;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return; // an event that is not complete is not given out; it will come again
    heard();
    rest += decoder.decode(value, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (some) each({ ...event, type: event.type || "message" });
        event = { type: "", id: "", data: "" };
        some = false;
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const content = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") {
        event.data += some ? "\n" + content : content;
        some = true;
      } else if (field === "event") event.type = content;
      else if (field === "id") event.id = content;
    }
  }
}
