// Making elements. Text only ever becomes a text node, and nothing here sets a style attribute or markup: it works under the strictest policy of a page.

export type Child = Node | string | false | null | undefined;
export type Props = Record<string, string | number | boolean | ((e: never) => void) | undefined>;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  set(node, props);
  for (const child of children) if (child || child === "") node.append(child);
  return node;
}

export function set(node: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value as EventListener);
    else if (value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

const svg = "http://www.w3.org/2000/svg";

/** The outlines of the icons, on a field of 24 by 24. */
const icons = {
  chat: ["M12 3.5c-5 0-9 3.4-9 7.7 0 2.4 1.3 4.6 3.3 6-.1 1.2-.6 2.3-1.4 3.1 1.7.1 3.4-.5 4.7-1.5.8.1 1.6.2 2.4.2 5 0 9-3.5 9-7.8s-4-7.7-9-7.7z"],
  close: ["M6 6l12 12M18 6L6 18"],
  down: ["M6 9.5l6 6 6-6"],
  send: ["M4.5 12L3.5 4.5 21 12 3.5 19.5 4.5 12zM4.5 12H12"],
  clip: ["M20 11.5l-8 8a5 5 0 0 1-7.1-7.1l8.3-8.3a3.3 3.3 0 0 1 4.7 4.7l-8.2 8.2a1.7 1.7 0 0 1-2.4-2.4l7.3-7.2"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  clock: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2"],
  alert: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5v5.5M12 16.2v.1"],
  file: ["M6.5 3.5h7l4.5 4.5v12.5h-11.5zM13.5 3.5V8H18"],
  save: ["M12 4v11M7 10.5l5 5 5-5M5 20h14"],
  star: ["M12 3.8l2.5 5.2 5.7.8-4.1 4 1 5.7-5.1-2.7-5.1 2.7 1-5.7-4.1-4 5.7-.8z"],
};

export function icon(name: keyof typeof icons): SVGSVGElement {
  const node = document.createElementNS(svg, "svg");
  set(node, { viewBox: "0 0 24 24", "aria-hidden": "true", class: `icon ${name}` });
  for (const d of icons[name]) {
    const path = document.createElementNS(svg, "path");
    path.setAttribute("d", d);
    node.append(path);
  }
  return node;
}
