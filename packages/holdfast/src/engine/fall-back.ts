import { charsIn } from "../core/chars.ts";
import { toBase64Url } from "../core/base64url.ts";
import { canonicalJson } from "../core/canonical-json.ts";
import type { EventDraft, HeaderOf } from "../core/event.ts";
import { mayHaveActed } from "../core/plan-waiting-call.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import type { ToolOutput, UserPart } from "../core/message.ts";
import { openCallOf, type OpenCall, type OpenRun } from "../core/session-state.ts";
import type { Tool } from "../ports/tool.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { requestFor } from "./ask-approval.ts";
import { interceptCall } from "./intercept.ts";
import { limited } from "./limited.ts";
import { hasFiles, readGood } from "./good-answer.ts";

type Failed = { readonly header: HeaderOf<"tool-call.failed">; readonly payload: JsonObject | null };
type Failing = {
  readonly run: OpenRun;
  readonly call: OpenCall;
  readonly tool: Tool;
  readonly input: JsonValue;
  readonly draft: Failed;
};

/**
 * The events that a result becomes, where its tool has something in its place for when it fails (E7): another tool is
 * called, or its last good answer is the result. Everything else comes back as it is.
 */
export const fallBack = async (
  session: ActiveSession,
  batch: Batch,
  draft: EventDraft,
): Promise<readonly EventDraft[]> => {
  const { header, payload } = draft;
  const { run } = batch.state;
  if (run === null || !("callId" in header)) return [draft];
  const call = openCallOf(run, header.callId);
  const tool = call === undefined ? undefined : session.agent.tools.get(call.insteadOf?.tool ?? call.tool);
  if (call === undefined || tool?.fallback === undefined) return [draft];
  const input = await session.content.rawInput(run, { callId: call.callId, fresh: batch.events });
  const about = { run, call, tool, input };
  if (header.type === "tool-call.completed") {
    if (header.by === "execution") await keepGood(session, batch, { about, payload });
    return [draft];
  }
  if (header.type !== "tool-call.failed" || !isFinal(run, call, { header, payload })) return [draft];
  const failing: Failing = { ...about, draft: { header, payload } };
  return (await otherTool(session, failing)) ?? (await lastGood(session, batch, failing)) ?? [draft];
};

/** Failed for good, of itself: not because somebody stopped it, nor because of what it was asked. */
const isFinal = (run: OpenRun, call: OpenCall, { header, payload }: Failed): boolean =>
  header.next.kind === "give-up" &&
  /* guard E5: what was stopped has no fallback */ run.stopping === null &&
  call.stopping === null &&
  /* guard E10: nothing takes the place of an undo */ run.undoing === null &&
  /* guard E7: an answer that says no is an answer */ isPassing(payload?.["failure"]);

/** Whether the next call might have gone well. */
const isPassing = (why: JsonValue | undefined): boolean =>
  why !== undefined && isJsonObject(why) && why["retryable"] === true;

/** A schema that never comes back must not hold the session for ever (E6). */
const CHECK_LIMIT_MS = 30_000;

const otherTool = async (
  session: ActiveSession,
  { run, call, tool, input, draft }: Failing,
): Promise<readonly EventDraft[] | null> => {
  const other = session.agent.tools.get(tool.fallback?.tool ?? "");
  if (other === undefined || call.insteadOf !== null) return null;
  // guard E2: what may have happened is not asked of another tool
  if (call.policy.effect === "idempotent" && call.attempt > 0) return null;
  // guard E2: nor what may have done part of it before it suspended itself
  if (mayHaveActed(call)) return null;
  // guard E4: what was approved is not put in the hands of another tool
  if (call.approval !== null) return null;
  const parsed = await limited(session.services.clock, {
    work: other.parseInput(input),
    limitMs: CHECK_LIMIT_MS,
    otherwise: () => ({ ok: false, issues: [] }) as const,
  });
  if (!parsed.ok) return null;
  const { services, id: sessionId, agent, content } = session;
  const context = await content.context();
  const about = { session: context, agent: agent.name, runId: run.runId, callId: call.callId };
  const seen = await interceptCall({ services, tool: other, about, input, value: parsed.value });
  // guard E4: what interceptors do not let pass as it is does not take another's place
  if (seen.kind !== "passes" || canonicalJson(seen.input) !== canonicalJson(input)) return null;
  const asked = await requestFor({
    ...about,
    services,
    sessionId,
    agent,
    tool: other,
    input,
    value: parsed.value,
  });
  // guard E4: what somebody has to approve does not take another's place unasked
  if (asked !== null) return null;
  const next = { kind: "other-tool", tool: other.name, policy: other.policy } as const;
  return [{ header: { ...draft.header, chars: 0, next }, payload: draft.payload }];
};

const lastGood = async (
  session: ActiveSession,
  batch: Batch,
  failing: Failing,
): Promise<readonly EventDraft[] | null> => {
  const { run, call, tool, draft } = failing;
  const maxAgeMs = tool.fallback?.lastGoodMs ?? null;
  if (maxAgeMs === null) return null;
  const { clock, lastGood: known } = session.services;
  const found = known.find(await keyOf(session, failing));
  if (found === undefined) return null;
  const ageMs = Math.max(batch.now() - found.at, clock.monotonicMs() - found.since);
  // guard E7: an answer that is too old is none
  if (ageMs > maxAgeMs) return null;
  const answer = await readGood(session, batch, { run, callId: call.callId, tool, found });
  if (answer === null) return null;
  const output = markedOld(answer, { tool: tool.name, code: draft.header.code, at: found.at, ageMs });
  const { callId, attempt } = call;
  const completed: HeaderOf<"tool-call.completed"> = {
    type: "tool-call.completed",
    runId: run.runId,
    callId,
    attempt,
    durationMs: 0,
    chars: charsOf(output),
    by: "last-good",
    isCoerced: false,
    repeats: 1,
    spent: null,
  };
  return [
    { header: { ...draft.header, chars: 0, next: { kind: "last-good" } }, payload: draft.payload },
    { header: completed, payload: { output: output as JsonValue } },
  ];
};

/** It is the next event. What lies elsewhere, as a file, is not kept: it belongs to the session it came from. */
const keepGood = async (
  session: ActiveSession,
  { state }: Batch,
  { about, payload }: { readonly about: Omit<Failing, "draft">; readonly payload: JsonObject | null },
): Promise<void> => {
  const output = payload?.["output"];
  if ((about.tool.fallback?.lastGoodMs ?? null) === null || !isJsonObject(output)) return;
  if (output["type"] === "error" || about.call.insteadOf !== null) return;
  if (payload?.["artifact"] !== undefined || payload?.["artifacts"] !== undefined || hasFiles(output)) return;
  const { services, id: sessionId } = session;
  const { clock } = services;
  const place = { sessionId, callId: about.call.callId, position: state.position + 1 };
  services.lastGood.keep(await keyOf(session, about), {
    ...place,
    at: clock.now(),
    since: clock.monotonicMs(),
  });
};

/** The same question of the same person, of whom the same is known, to the same tool; without a person, of the same session (S1). */
const keyOf = async (
  { agent, id, content, services }: ActiveSession,
  { tool, input }: Pick<Failing, "tool" | "input">,
): Promise<string> => {
  const { tenant, user, attributes } = await content.context();
  const whose =
    user === null
      ? /* guard S1: nobody is answered with what another was told */ ["session", id]
      : ["user", tenant, user, attributes];
  const about = canonicalJson([agent.name, agent.digest, tool.name, whose, input]);
  return toBase64Url(services.sha256("holdfast-last-good-1\n", about));
};

const markedOld = (
  output: ToolOutput,
  {
    tool,
    code,
    at,
    ageMs,
  }: { readonly tool: string; readonly code: string; readonly at: number; readonly ageMs: number },
): ToolOutput => {
  const seconds = Math.round(ageMs / 1_000);
  const text = `${tool} is not available now (${code}). This is what it answered ${seconds} s ago, at ${new Date(at).toISOString()}; it may be out of date:`;
  const note: UserPart = { type: "text", text };
  return { type: "content", value: [note, ...partsOf(output)] };
};

const partsOf = (output: ToolOutput): readonly UserPart[] => {
  if (output.type === "content") return output.value;
  return [{ type: "text", text: output.type === "json" ? JSON.stringify(output.value) : output.value }];
};

const charsOf = (output: ToolOutput): number =>
  output.type === "content"
    ? output.value.reduce((sum, part) => sum + ("text" in part ? charsIn(part.text) : 0), 0)
    : 0;
