import type { ReactNode } from "react";

interface Props {
  readonly title: ReactNode;
  /** Beside the title: filters, actions. */
  readonly extra?: ReactNode;
  readonly children: ReactNode;
}

/** PageBody is the ordinary page: a heading, what can be done, the content. */
export function PageBody({ title, extra, children }: Props): ReactNode {
  return (
    <div className="page-inner">
      <header className="page-head">
        <h1 dir="auto">{title}</h1>
        {extra}
      </header>
      {children}
    </div>
  );
}
