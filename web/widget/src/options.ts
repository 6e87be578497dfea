// What the script tag says.

export interface Options {
  /** Where the server is: where the script came from. */
  server: string;
  inbox: string;
  lang: string;
  color: string;
  title: string;
  theme: "" | "light" | "dark";
  /** The visitor's name, if the page knows it. */
  name: string;
  /** Fill the element around the script instead of standing in the corner. */
  page: boolean;
  nonce: string;
}

export function read(script: HTMLScriptElement): Options | undefined {
  const data = script.dataset;
  const inbox = data.inbox?.trim();
  if (!inbox || !script.src) return undefined;
  return {
    server: new URL(script.src).origin,
    inbox,
    lang: data.lang ?? "",
    color: data.color ?? "",
    title: data.title?.trim() ?? "",
    theme: data.theme === "light" || data.theme === "dark" ? data.theme : "",
    name: data.name?.trim() ?? "",
    page: data.mode === "page",
    nonce: script.nonce ?? "",
  };
}
