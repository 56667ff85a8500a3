import { HoldfastError, StoreError } from "../core/errors.ts";
import type { CallId } from "../core/ids.ts";
import { toJournalValue } from "../core/journal-value.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import type { OpenRun } from "../core/session-state.ts";
import { isUndoId, type WriteCall } from "../core/undo-terms.ts";
import { writeUndoneBy } from "../core/undo.ts";
import type { Agent } from "../ports/agent.ts";
import type { DoneCall, ParsedInput, Tool, ToolUndo } from "../ports/tool.ts";
import type { ActiveSession } from "./active-session.ts";
import { idempotencyKeyOf } from "./idempotency-key.ts";
import { inputAsked } from "./session-content.ts";
import type { OutputPlace } from "./tool-attempt.ts";
import type { FittedOutput } from "./tool-output.ts";

/** How the undo of a call is entered: like a tool, with the call as its input. */
type UndoEntry = { readonly tool: Tool; readonly readInput: () => Promise<ParsedInput> };

/** Null for a call that undoes nothing. */
export const undoOf = (
  session: ActiveSession,
  run: OpenRun,
  { tool, callId }: { readonly tool: Tool; readonly callId: CallId },
): UndoEntry | null => {
  if (!isUndoId(callId)) return null;
  const write = writeUndoneBy(run, callId);
  if (write === undefined) throw new StoreError("INTERNAL", `Call ${callId} undoes nothing.`);
  const { undo } = tool;
  return {
    tool: undo === undefined ? tool : toolOfUndo(tool, undo),
    readInput: () => readDone(session, tool, write),
  };
};

/** The agent whose tool a call is: what is undone is undone by the agent that did it, whoever has the session now. */
export const agentFor = (session: ActiveSession, run: OpenRun | null, callId: CallId): Agent | undefined => {
  const write = run !== null && isUndoId(callId) ? writeUndoneBy(run, callId) : undefined;
  // A run that was handed over is undone by who did it; else its own definition counts, whichever that is (S6).
  const isOwn = write === undefined || write.agent === session.state.agent;
  return isOwn ? session.agent : session.services.agents.get(write.agent);
};

/** The same of the calls that are open. */
export const agentOfOpen = (session: ActiveSession, run: OpenRun): Agent | undefined => {
  const [call] = run.phase.kind === "calling-tools" ? run.phase.calls : [];
  return agentFor(session, run, call?.callId ?? "");
};

const toolOfUndo = (tool: Tool, undo: ToolUndo): Tool => {
  const verify = undo.verify?.bind(undo);
  return {
    name: tool.name,
    description: tool.description,
    inputSchema: tool.inputSchema,
    policy: tool.policy,
    maxOutputChars: tool.maxOutputChars,
    parseInput: (value) => ({ ok: true, value }),
    execute: (done, context) => undo.execute(done as DoneCall, context),
    ...(verify === undefined ? {} : { verify: (done, context) => verify(done as DoneCall, context) }),
    toOutput: async (result) => ({ type: "json", value: (result ?? null) as JsonValue }),
  };
};

/** What the call was given and gave back, from the journal. Nothing is undone on a guess. */
const readDone = async (
  { content, services, id }: ActiveSession,
  tool: Tool,
  write: WriteCall,
): Promise<ParsedInput> => {
  // guard E10: a tool without an undo is not entered to undo
  if (tool.undo === undefined) throw impossible(`This version of ${tool.name} declares no undo.`);
  const { answerAt, inputAt, resultAt, callId } = write;
  const answer = (await content.eventsAt([answerAt])).get(answerAt);
  const result = resultAt === null ? null : await content.payloadAt(resultAt);
  const edited = inputAt === null ? null : await content.payloadAt(inputAt);
  const raw = inputAt === null ? answer && inputAsked(answer, callId) : edited?.["input"];
  const output = result === null ? undefined : outputIn(result);
  // guard E10: what was erased is not undone on a guess
  if (raw === null || raw === undefined || output === undefined)
    throw impossible(`What ${tool.name} was given, or gave back, was erased.`);
  const input = await tool.parseInput(raw);
  if (!input.ok) return input;
  const ours = idempotencyKeyOf(services.sha256, id, callId);
  const idempotencyKey = services.redactor.text(tool.idempotencyKey?.(input.value) ?? ours);
  return { ok: true, value: { input: input.value, output, callId, idempotencyKey } satisfies DoneCall };
};

const impossible = (why: string): HoldfastError => new HoldfastError("UNDO_NOT_POSSIBLE", why);

/** What a call gave back: as it was kept for this, or as it is shown. */
const outputIn = ({ result, output }: JsonObject): JsonValue | undefined => {
  if (result !== undefined) return result;
  return isJsonObject(output) ? output["value"] : undefined;
};

/** The result itself, where it cannot be had from what is shown of it: that was made for the model, or cut. */
export const keptFor = (
  { services }: OutputPlace,
  { output, artifact, isWhole }: FittedOutput & { readonly isWhole: boolean },
  result: unknown,
): { readonly result: JsonValue } | null => {
  if (artifact === null && output.type === "json" && isWhole) return null;
  return { result: services.redactor.value(toJournalValue(result).value) };
};
