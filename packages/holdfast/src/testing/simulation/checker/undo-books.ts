import type { EventHeader } from "../../../core/event.ts";
import type { CallId } from "../../../core/ids.ts";
import type {
  NotUndoneCall,
  UndoneCall,
  UndoPolicy,
  UndoReport,
  WhenFailed,
} from "../../../core/undo-terms.ts";
import type { ToolPolicy } from "../../../core/run-settings.ts";
import { isClosing } from "./session-history.ts";

/** A call that wrote, or may have. */
export type WriteEntry = {
  readonly callId: CallId;
  readonly tool: string;
  readonly undo: UndoPolicy | null;
  standing: "open" | "done" | "unknown";
};

/** What of the books of a run tells how it is undone. */
type RunBooks = {
  readonly settings: { readonly whenFailed: WhenFailed };
  readonly stopping: "cancelled" | "expired" | null;
  readonly rollback: "no" | "owed" | "done";
  readonly writes: WriteEntry[];
  undoing: UndoingEntry | null;
};

type CallBooks = {
  readonly callId: CallId;
  readonly tool: string | null;
  readonly policy: ToolPolicy;
};

/** A run of which what it did is being undone. */
export type UndoingEntry = {
  /** How it ends then. */
  code: string;
  readonly undone: UndoneCall[];
  readonly notUndone: NotUndoneCall[];
};

export const isUndo = (callId: CallId): boolean => callId.startsWith("undo_");

/** The call that another undoes. */
export const undoneCall = (undoId: CallId): CallId => undoId.replace(/^undo_/, "");

/** Whether a run that ends now, as its books have it, takes back what it did. */
export const isTakenBack = ({ undoing, stopping, rollback, settings }: RunBooks): boolean => {
  if (undoing !== null) return true;
  return stopping === "cancelled" ? rollback !== "no" : settings.whenFailed === "undo";
};

/** What is left to undo, the next first. */
export const leftToUndo = ({ writes }: RunBooks): readonly WriteEntry[] =>
  writes.filter(({ undo, standing }) => undo !== null && standing === "done").toReversed();

/** Whether something is to be found out of a call before it is given up on, in a run that is stopped. */
export const isFoundOut = (run: RunBooks, { policy, callId }: CallBooks): boolean =>
  isTakenBack(run) && !isUndo(callId) && policy.undo !== null && policy.canVerify;

/** What an event makes of a write, or of the undo of one. */
export const noteWrite = (run: RunBooks, call: CallBooks, header: EventHeader): void => {
  const { callId, tool, policy } = call;
  if (isUndo(callId)) {
    if (isClosing(header)) noteUndone(run, callId, header);
    return;
  }
  if (policy.effect !== "write") return;
  const index = run.writes.findIndex((write) => write.callId === callId);
  const [known] = index === -1 ? [] : run.writes.splice(index, 1);
  if (header.type === "tool-call.started") {
    run.writes.push({ callId, tool: tool ?? "", undo: policy.undo, standing: "open" });
    return;
  }
  if (known === undefined) return;
  if (!isClosing(header)) run.writes.splice(index, 0, known);
  else if (header.type === "tool-call.unknown")
    run.writes.splice(index, 0, { ...known, standing: "unknown" });
  else if (tookPlace(header)) run.writes.splice(index, 0, { ...known, standing: "done" });
};

const tookPlace = (header: EventHeader): boolean =>
  header.type === "tool-call.completed" ||
  (header.type === "tool-call.resolved" && header.as === "completed");

const noteUndone = (run: RunBooks, undoId: CallId, header: EventHeader): void => {
  const index = run.writes.findIndex(({ callId }) => callId === undoneCall(undoId));
  const [write] = index === -1 ? [] : run.writes.splice(index, 1);
  if (write === undefined || run.undoing === null) return;
  const { callId, tool } = write;
  if (tookPlace(header)) run.undoing.undone.push({ callId, tool });
  else {
    const reason = header.type === "tool-call.unknown" ? "undo-unknown" : "failed";
    run.undoing.notUndone.push({ callId, tool, reason, code: "code" in header ? header.code : null });
  }
};

const WHY: Readonly<Record<NotUndoneCall["reason"], string>> = {
  "no-undo": "it cannot be undone",
  "outcome-unknown": "it is not known whether it took effect",
  failed: "undoing it failed",
  "undo-unknown": "it is not known whether undoing it worked",
};

/** What a model is told of a run that failed and was undone. */
export const undoneLine = ({ undone, notUndone }: UndoReport): string => {
  const name = ({ tool, callId }: UndoneCall): string => `${tool} (${callId})`;
  const gone = undone.map(name).join("; ");
  const left = notUndone.map((call) => `${name(call)}, ${WHY[call.reason]}`).join("; ");
  const words = ["[Note] The run before this failed."];
  if (gone !== "") words.push(`These calls were undone and have no effect any more: ${gone}.`);
  if (left !== "") words.push(`These were not undone: ${left}.`);
  return words.join(" ");
};
