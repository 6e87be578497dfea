import { App } from "antd";
import { useEffect, type ReactNode } from "react";
import type { Feedback } from "./feedback";

interface Props {
  readonly onReady: (real: Feedback) => void;
}

/** Holder is where messages, notices and questions appear: see feedback.tsx. */
export default function Holder({ onReady }: Props): ReactNode {
  return <App component={false}><Tell onReady={onReady} /></App>;
}

function Tell({ onReady }: Props): ReactNode {
  const real = App.useApp();
  // eslint-disable-next-line react-hooks/exhaustive-deps -- it is told once what there is; its methods stay the same
  useEffect(() => onReady(real), []);
  return null;
}
