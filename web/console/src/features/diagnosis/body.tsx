import type { ReactNode } from "react";
import { CheckList } from "./checks";
import { Findings, type FindingsProps } from "./findings";

/** Body is what a report has below its headline: the causes, and the whole check-list. */
export default function Body(props: FindingsProps): ReactNode {
  return <><Findings {...props} /><CheckList report={props.report} /></>;
}
