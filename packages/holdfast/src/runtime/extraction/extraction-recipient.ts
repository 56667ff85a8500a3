import type { Delivery, RunDelivery } from "../../core/delivery.ts";
import { HoldfastError } from "../../core/errors.ts";
import { isJsonObject, type JsonValue } from "../../core/json.ts";
import { createSession } from "../../engine/create-session.ts";
import type { Delivered, Recipient } from "../../engine/recipient.ts";
import { runLines, textsOfOthers, type RunLine } from "../../engine/run-lines.ts";
import type { MemoryRecord, MemoryStore } from "../../ports/memory-store.ts";
import type { RuntimeServices } from "../runtime-services.ts";
import type { Run } from "../run.ts";
import { Session } from "../session.ts";
import { EXTRACTION_AGENT, type Proposal } from "./extraction-agent.ts";
import { messageOf, shownLines, wordsOf } from "./extraction-message.ts";
import type { ExtractionSettings } from "./extraction-options.ts";
import { beginKey, EXTRACTION_RECIPIENT, extractionSessionId, runsIn } from "./extraction-session.ts";
import { Words } from "./is-backed-by.ts";
import { consider, isOwn, type ExtractionPlace } from "./proposed-changes.ts";

type Parts = {
  readonly settings: ExtractionSettings;
  readonly services: RuntimeServices;
  readonly memory: MemoryStore;
};

/** An attempt that waits for its run waits so long at a time. */
const WAIT_MS = 60_000;
/** A run that waits for somebody is looked at again after this. */
const PATIENCE_MS = 300_000;
/** One that is cancelled is over after this. */
const CANCEL_MS = 5_000;
/** Attempts that failed: over some eight hours. */
const RETRY = { maxAttempts: 10, initialDelayMs: 30_000, maxDelayMs: 14_400_000 };
const MAX_KNOWN = 30;
const MAX_KNOWN_TOKENS = 3_000;

/**
 * Whoever is told that a run completed, and takes it for told when what was worth knowing of it is in the memory. It is owed in the
 * commit of the run's end, and told in the order of the session, so an extraction knows what came of those before it.
 */
export const extractionRecipient = (parts: Parts): Recipient => ({
  name: EXTRACTION_RECIPIENT,
  on: new Set(["run.completed"]),
  agents: new Set(
    [...(parts.settings.agents ?? parts.services.agents.keys())].filter((name) => name !== EXTRACTION_AGENT),
  ),
  retry: RETRY,
  // The attempt itself waits less, and says so.
  timeoutMs: 2 * WAIT_MS,
  isPatient: true,
  escalation: null,
  deliver: (delivery, signal) => extract(delivery, { ...parts, signal }),
});

type Extracting = Parts & { readonly signal: AbortSignal };

const DONE: Delivered = { kind: "done" };

const extract = async (delivery: Delivery, parts: Extracting): Promise<Delivered> => {
  if (!("runId" in delivery)) return DONE;
  const { services } = parts;
  const place = await placeOf(delivery, parts);
  const lines = place === null ? [] : await linesOf(delivery, services);
  if (place === null || !lines.some(({ who, isEarlier }) => who === "user" && !isEarlier))
    return leave(delivery, services);
  const run = await runFor(delivery, { ...parts, place, lines });
  const settled = await outcomeOf(run, parts);
  const left = await linesOf(delivery, services);
  if (left.length === 0) return leave(delivery, services);
  if ("kind" in settled) return settled;
  await remember(settled.proposals, { ...parts, delivery, place, lines: left });
  return DONE;
};

/** What was erased meanwhile is not remembered, and does not stay where it was read either, nor what is still said of it (J4). */
const leave = async ({ runId }: RunDelivery, services: RuntimeServices): Promise<Delivered> => {
  const id = extractionSessionId(services.sha256, runId);
  if ((await services.store.head(id)) === undefined) return DONE;
  const open = (await runsIn(services, id)).filter(({ isOver }) => !isOver);
  const session = new Session(services, { id, seen: 0, agent: EXTRACTION_AGENT });
  for (const run of open) await session.cancelRun(run.runId);
  if (open.length > 0) return { kind: "later", afterMs: CANCEL_MS };
  await services.store.erase(id);
  return DONE;
};

/** The scope of the user that the conversation is of; null where there is none, so that nobody else would be told. */
const placeOf = async (
  { sessionId, tenant }: RunDelivery,
  { services, settings }: Extracting,
): Promise<ExtractionPlace | null> => {
  const loaded = await services.store.load(sessionId);
  const user = loaded?.owner.user ?? null;
  if (user === null) return null;
  return {
    viewer: { tenant, user, agent: null, session: sessionId },
    scope: { tenant, user, agent: null, session: null, namespace: settings.namespace },
    sessionId,
  };
};

const linesOf = async (
  { sessionId, runId, position }: RunDelivery,
  services: RuntimeServices,
): Promise<readonly RunLine[]> => shownLines(await runLines(services, { sessionId, runId, endAt: position }));

type Reading = Extracting & { readonly place: ExtractionPlace; readonly lines: readonly RunLine[] };

/** The run that reads the conversation: the one that was begun for it, or a new one where that has failed. */
const runFor = async (delivery: RunDelivery, parts: Reading): Promise<Run<JsonValue>> => {
  const { services, place, lines } = parts;
  const id = extractionSessionId(services.sha256, delivery.runId);
  const begun = await runsIn(services, id);
  const session = new Session<JsonValue>(services, { id, seen: 0, agent: EXTRACTION_AGENT });
  const last = begun.at(-1);
  if (last !== undefined && !last.hasFailed) return session.run(last.runId);
  // K5: an extraction is begun once, whoever comes back to it
  const idempotencyKey = beginKey(begun.length);
  if (last !== undefined) return session.send("Answer again.", { idempotencyKey });
  const agent = services.agents.get(EXTRACTION_AGENT);
  if (agent === undefined)
    throw new HoldfastError("AGENT_NOT_FOUND", "There is no agent for the extraction.");
  const { tenant, user } = place.viewer;
  const attributes = { session: delivery.sessionId, run: delivery.runId };
  await createSession(services, agent, { id, tenant, user, attributes });
  return session.send(messageOf(await knownOf(delivery, parts), lines), { idempotencyKey });
};

/** What is known that may have to do with it, of what the user's own memory has. */
const knownOf = async (
  { at }: RunDelivery,
  { memory, place: { viewer, scope }, lines }: Reading,
): Promise<readonly MemoryRecord[]> => {
  const hits = await memory.search({
    viewer,
    text: wordsOf(lines),
    now: at,
    limit: MAX_KNOWN,
    maxTokens: MAX_KNOWN_TOKENS,
    namespaces: [scope.namespace],
    trust: "trusted",
  });
  return hits.map(({ record }) => record).filter((record) => isOwn(record.scope, scope));
};

type Settled = { readonly proposals: readonly Proposal[] } | Delivered;

/** What came of the run; that it is not over is no failure. */
const outcomeOf = async (
  run: Run<JsonValue>,
  { services: { clock }, signal }: Extracting,
): Promise<Settled> => {
  const waiting = new AbortController();
  const timer = clock.startTimer(WAIT_MS, () => waiting.abort());
  const either = AbortSignal.any([signal, waiting.signal]);
  try {
    const outcome = await run.outcome({ signal: either });
    switch (outcome.status) {
      case "completed":
        return { proposals: proposalsIn(outcome.output) };
      case "suspended":
        return { kind: "later", afterMs: PATIENCE_MS };
      case "failed":
        return { kind: "failed", failure: outcome.failure, ends: "attempt" };
      case "cancelled":
        // Somebody did not want it.
        return DONE;
    }
  } catch (thrown) {
    if (either.aborted) return { kind: "later", afterMs: 0 };
    throw thrown;
  } finally {
    timer.stop();
  }
};

/** What has passed the agent's schema; nothing where it was erased. */
const proposalsIn = (output: JsonValue): readonly Proposal[] => {
  const memories = isJsonObject(output) ? output["memories"] : null;
  return Array.isArray(memories) ? (memories as readonly Proposal[]) : [];
};

type Remembering = Reading & { readonly delivery: RunDelivery };

const remember = async (proposals: readonly Proposal[], parts: Remembering): Promise<void> => {
  const { memory, place, lines, delivery, services } = parts;
  if (proposals.length === 0) return;
  const { sessionId, position } = delivery;
  const byUser = new Words();
  for (const { who, text } of lines) if (who === "user") byUser.add(text);
  const byOthers = new Words();
  for await (const text of textsOfOthers(services, { sessionId, endAt: position })) byOthers.add(text);
  const { changes, refused } = await consider(proposals, { memory, place, lines, byUser, byOthers });
  const told = { sessionId: delivery.sessionId, runId: delivery.runId };
  for (const why of refused) services.logger.info(`A memory was not kept: ${why}.`, told);
  if (changes.length === 0) return;
  await memory.write({
    by: place.viewer,
    // K5: what an extraction came to is written once
    key: `extraction:${delivery.runId}`,
    now: delivery.at,
    changes,
  });
};
