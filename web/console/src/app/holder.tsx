import { App } from "antd";
import { useEffect, type ReactNode } from "react";
import type { Feedback } from "./feedback";

interface Props {
  readonly onReady: (real: Feedback) => void;
}

// The bar with the status, and on a phone the way to the other pages, stay in reach beside what stays until it is closed.
const spared = { top: 64, bottom: 72 };

/** Holder is where messages, notices and questions appear: see feedback.tsx. */
export default function Holder({ onReady }: Props): ReactNode {
  return <App component={false} notification={spared}><Tell onReady={onReady} /></App>;
}

function Tell({ onReady }: Props): ReactNode {
  const real = App.useApp();
  // eslint-disable-next-line react-hooks/exhaustive-deps -- it is told once what there is; its methods stay the same
  useEffect(() => onReady(real), []);
  return null;
}
