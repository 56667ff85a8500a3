import type { NotUndoneCall, UndoneCall } from "../../runtime/index.ts";

type Report = { readonly undone: readonly UndoneCall[]; readonly notUndone: readonly NotUndoneCall[] };

const WHY: Readonly<Record<NotUndoneCall["reason"], string>> = {
  "no-undo": "its tool declares no undo",
  "outcome-unknown": "nobody knows whether it took place",
  failed: "undoing it failed",
  "undo-unknown": "nobody knows whether undoing it worked",
};

const named = ({ tool, callId }: UndoneCall): string => `${tool} (${callId})`;

/** What was undone of a run, and what was not: a line each. */
export const undoLines = ({ undone, notUndone }: Report): readonly string[] => [
  ...undone.map((call) => `undone: ${named(call)}`),
  ...notUndone.map(
    (call) => `not undone: ${named(call)}, ${WHY[call.reason]}${call.code === null ? "" : ` [${call.code}]`}`,
  ),
];

/** The same in a few words: `2 calls undone, 1 not`. */
export const describeUndo = (report: Report | null): string => {
  if (report === null) return "";
  const { undone, notUndone } = report;
  const left = notUndone.length === 0 ? "" : `, ${notUndone.length} not: ${notUndone.map(named).join(", ")}`;
  return `${undone.length} undone${left}`;
};
