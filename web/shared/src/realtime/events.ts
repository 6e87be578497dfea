/** Server-sent events, read piece by piece. */

export interface ServerSentEvent {
  /** Empty for an event without a name. */
  readonly name: string;
  readonly data: string;
}

/** Reads events from the text of a stream. A comment is told as a sign of life. */
export class EventParser {
  private rest = "";
  private name = "";
  private data: string[] = [];
  private readonly onEvent: (event: ServerSentEvent) => void;
  private readonly onComment: () => void;

  constructor(onEvent: (event: ServerSentEvent) => void, onComment: () => void) {
    this.onEvent = onEvent;
    this.onComment = onComment;
  }

  /** Takes the next piece of text, wherever it was cut. */
  push(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      this.line(line.endsWith("\r") ? line.slice(0, -1) : line);
    }
  }

  private line(line: string): void {
    if (line === "") {
      const { name, data } = this;
      this.name = "";
      this.data = [];
      if (data.length > 0) {
        this.onEvent({ name, data: data.join("\n") });
      }
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      this.onComment();
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") {
      this.name = value;
    } else if (field === "data") {
      this.data.push(value);
    }
  }
}
