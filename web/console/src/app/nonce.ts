/** The page's nonce, which the server writes into it. Empty where Vite serves the page. */
export const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

const create = document.createElement.bind(document);

/**
 * Two places in Ant Design (the measuring of scroll bars, the lock of the page behind a dialog) make style elements without a nonce and have no option
 * for one, so every style element gets it here; see docs/adr/0008-console-csp.md. Imported before everything else.
 */
document.createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
  const element = create(name, options);
  if (element instanceof HTMLStyleElement) element.nonce = nonce;
  return element;
};
