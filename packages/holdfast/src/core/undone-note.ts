import { MAX_TOLD, type NotUndoneCall, type UndoneCall, type UndoReport } from "./undo-terms.ts";

const WHY: Readonly<Record<NotUndoneCall["reason"], string>> = {
  "no-undo": "it cannot be undone",
  "outcome-unknown": "it is not known whether it took effect",
  failed: "undoing it failed",
  "undo-unknown": "it is not known whether undoing it worked",
};

/** What the model is told of a run that failed and was undone: it would build on what is no longer there. */
export const undoneNote = (report: UndoReport): string => `[Note] ${undoneWords(report)}`;

/** The same where it is said already that it is a note. */
export const undoneWords = ({ undone, notUndone }: UndoReport): string =>
  [
    "The run before this failed.",
    ...(undone.length === 0
      ? []
      : [`These calls were undone and have no effect any more: ${list(undone, named)}.`]),
    ...(notUndone.length === 0
      ? []
      : [`These were not undone: ${list(notUndone, (call) => `${named(call)}, ${WHY[call.reason]}`)}.`]),
  ].join(" ");

const list = <Call>(calls: readonly Call[], say: (call: Call) => string): string => {
  const told = calls.slice(0, MAX_TOLD).map(say);
  const more = calls.length - told.length;
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
};

const named = ({ tool, callId }: UndoneCall): string => `${tool} (${callId})`;
