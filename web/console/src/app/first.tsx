import { Button } from "antd";
import { Navigate, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Empty, Loading } from "../ui/states";
import { frameText } from "./frame.text";
import { useMe } from "./me";
import { openPages, targetOf } from "./open";
import { useWords } from "./words";

/** FirstPage leads to the first page that the person may open. */
export function FirstPage(): ReactNode {
  const t = useWords(frameText);
  const me = useMe();
  if (me === undefined) return <div className="page-inner"><Loading /></div>;
  const page = openPages(me)[0];
  return page ? <Navigate to={targetOf(page)} replace /> : <Empty whole title={t.nothingToSee} text={t.nothingToSeeText} />;
}

/** WrongPage is what an address leads to that no route has. */
export function WrongPage(): ReactNode {
  const t = useWords(frameText);
  const navigate = useNavigate();
  return (
    <main>
      <Empty whole title={t.wrongPage} text={t.wrongPageText}>
        <Button type="primary" onClick={() => void navigate({ to: "/" })}>{t.home}</Button>
      </Empty>
    </main>
  );
}
