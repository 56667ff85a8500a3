import type { ToolOutput, UserPart } from "../core/message.ts";
import type { ToolOutcome } from "../core/settle-tool-call.ts";
import type { SandboxPlace } from "../ports/sandbox.ts";
import { invalidOutput, type ToolContext } from "../ports/tool.ts";
import type { Deadline } from "./deadline.ts";
import type { SavedFiles } from "./call-artifacts.ts";
import type { OutputPlace, ToolAttempt } from "./tool-attempt.ts";
import { makeToolContext } from "./tool-context.ts";
import { keptFor } from "./undo-call.ts";
import { fitOutput, type FittedOutput } from "./tool-output.ts";

/** What a tool is entered with, and where. */
export type Entry = {
  readonly value: unknown;
  readonly context: ToolContext;
  /** Where an isolated tool runs; null for one that runs in this process. */
  readonly place: SandboxPlace | null;
};

export type ReadyEntry =
  | ({ readonly ok: true } & Entry)
  | { readonly ok: false; readonly issues: readonly string[] };

/** Everything that is looked up before the tool is entered; nothing of it touches the world. */
export const prepareEntry = async (call: ToolAttempt, deadline: Deadline): Promise<ReadyEntry> => {
  const input = await (call.readInput?.() ?? call.content.inputFor(call.tool, call.run, call));
  if (!input.ok) return input;
  const context = await makeToolContext(call, deadline);
  const { isolation, name } = call.tool;
  if (isolation === undefined) return { ...input, context, place: null };
  const { tenant } = context.session;
  const { signal } = deadline;
  const place = await call.services.sandbox.open({ isolation, tool: name, tenant, signal });
  return { ...input, context, place };
};

/** Lets go of what was made ready, when the tool is not entered after all. */
export const leaveEntry = (entry: ReadyEntry): void => {
  if (entry.ok) entry.place?.leave();
};

/** Enters a function of the tool's in this process, where it can hold up everybody: that is reported (S2). */
export const enterHere = (
  call: ToolAttempt,
  deadline: Deadline,
  work: () => Promise<unknown>,
): Promise<unknown> => {
  const { tool, services, sessionId } = call;
  return services.stalls.watch(
    { tool: tool.name, sessionId, onStop: (listener) => deadline.onStop(listener) },
    work,
  );
};

/** Makes an outcome of what a tool gave back. Total: the tool has run, whatever is wrong with its result. */
export const finishCall = async (
  call: OutputPlace,
  result: unknown,
): Promise<ToolOutcome & { kind: "completed" }> => {
  const saved = await call.artifacts?.finish();
  let output: ToolOutput;
  try {
    output = await call.tool.toOutput(result);
  } catch (thrown) {
    output = invalidOutput(thrown);
  }
  const seen = (await call.intercept?.(output)) ?? output;
  const fitted = await fitShown(call, seen);
  const isWhole = seen === output;
  return {
    kind: "completed",
    ...fitted,
    ...withSaved(fitted, saved),
    kept: call.tool.undo === undefined ? null : keptFor(call, { ...fitted, isWhole }, result),
  };
};

/** The model asked for something else where the input was edited (E4), or the tool replaced (E7): it is told what was done instead. */
const shownOf = ({ edited, insteadOf, tool }: OutputPlace, output: ToolOutput): ToolOutput => {
  if (edited === null && insteadOf === null) return output;
  const changed =
    edited === null ? [] : [`The input was changed before this call ran, to: ${JSON.stringify(edited)}`];
  const replaced =
    insteadOf === null
      ? []
      : [
          `${insteadOf.tool} failed (${insteadOf.code}); this is the answer of ${tool.name}, which was called in its place:`,
        ];
  const note = [...changed, ...replaced].join("\n");
  const rest: readonly UserPart[] =
    output.type === "content"
      ? output.value
      : [{ type: "text", text: output.type === "json" ? JSON.stringify(output.value) : output.value }];
  return { type: "content", value: [{ type: "text", text: note }, ...rest] };
};

/** The same for one that was isolated: what the model sees was made where it ran. */
export const finishOutput = async (
  call: ToolAttempt,
  made: { readonly output: ToolOutput; readonly isCoerced: boolean },
): Promise<ToolOutcome & { kind: "completed" }> => {
  const saved = await call.artifacts.finish();
  const seen = (await call.intercept?.(made.output)) ?? made.output;
  const fitted = await fitShown(call, seen);
  return {
    kind: "completed",
    ...fitted,
    ...withSaved(fitted, saved),
    isCoerced: fitted.isCoerced || made.isCoerced,
  };
};

/** A1: what the call saved goes into the commit of its result. */
const withSaved = (
  { artifacts, blobs }: FittedOutput,
  saved: SavedFiles | undefined,
): Pick<ToolOutcome & { kind: "completed" }, "blobs" | "artifacts"> =>
  saved === undefined
    ? {}
    : { blobs: [...blobs, ...saved.blobs], artifacts: [...saved.artifacts, ...artifacts] };

/** Total: what cannot be made to fit is said to be so. */
const fitShown = async (call: OutputPlace, seen: ToolOutput): Promise<FittedOutput> => {
  try {
    return await fitOutput(call, shownOf(call, seen));
  } catch (thrown) {
    // A result that nobody can read is the result of a call that was made (E2).
    return fitOutput(call, invalidOutput(thrown));
  }
};
