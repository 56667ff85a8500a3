import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { StoredEvent } from "../../packages/holdfast/src/core/hash-chain.ts";
import { openEvent } from "../../packages/holdfast/src/core/journal-codec.ts";
import { foldLoaded } from "../../packages/holdfast/src/engine/open-session.ts";
import type { Signal } from "../../packages/holdfast/src/ports/journal-store.ts";
import { sha256 } from "../../packages/holdfast/src/runtime/node-sha256.ts";
import type { Claimed, Claims } from "./claims.ts";
import { OpenedStore } from "./opened-store.ts";

/** A session as it is found. */
type Found = {
  readonly sessionId: string;
  readonly status: string;
  readonly events: readonly StoredEvent[];
  readonly mailbox: ReadonlyMap<string, Signal>;
};

const textOf = (hash: Uint8Array): string => Buffer.from(hash).toString("base64url");

/** Opens what a loss of power has left and answers what is wrong with it. Nothing may be. */
export const judge = (dataDir: string, claims: Claims): string[] => {
  // Without the directory there is nothing to open; whether anything was owed is decided all the same.
  if (!existsSync(join(dataDir, "holdfast.db"))) return judgeNothing(claims);
  let store: OpenedStore | null = null;
  try {
    store = new OpenedStore(dataDir);
    return judgeOpened(store, claims);
  } catch (error) {
    return [`cannot be opened or read: ${String(error)}`];
  } finally {
    store?.close();
  }
};

const judgeNothing = (claims: Claims): string[] => {
  const owed = [...claims.attempts.values()].filter(({ isAcknowledged }) => isAcknowledged);
  return owed.length === 0 ? [] : [`there is no database, and ${owed.length} commits were acknowledged`];
};

const judgeOpened = (store: OpenedStore, claims: Claims): string[] => {
  const problems = store.check().map(({ sessionId, position, what }) => {
    return `check: ${sessionId ?? "store"}@${position ?? "-"}: ${what}`;
  });
  const found = new Map<string, Found>();
  for (const { sessionId, status } of store.list()) {
    const loaded = store.load(sessionId);
    if (loaded === undefined) throw new TypeError(`${sessionId} is listed and cannot be loaded`);
    foldLoaded({ sha256 }, sessionId, loaded);
    const mailbox = new Map(loaded.signals.map((signal) => [signal.id, signal]));
    found.set(sessionId, { sessionId, status, events: store.events(sessionId), mailbox });
  }
  const bySession = Map.groupBy(claims.attempts.values(), ({ sessionId }) => sessionId);
  for (const sessionId of new Set([...found.keys(), ...bySession.keys()])) {
    const attempts = bySession.get(sessionId) ?? [];
    problems.push(...judgeJournal(found.get(sessionId), attempts, sessionId));
  }
  for (const session of found.values()) problems.push(...judgeContent(session, claims));
  problems.push(...judgePosts(store, found, claims));
  problems.push(...judgeBlobs(store, found, claims), ...judgeEffects(found, claims));
  problems.push(...judgeKeys(store, claims));
  return problems;
};

/** Whether the events of an attempt are there. */
const isStored = (events: readonly StoredEvent[], { from, hashes }: Claimed): boolean => {
  const last = events[from + hashes.length - 1];
  return hashes.length > 0 && last !== undefined && textOf(last.hash) === hashes.at(-1);
};

const judgeJournal = (
  found: Found | undefined,
  attempts: readonly Claimed[],
  sessionId: string,
): string[] => {
  const events = found?.events ?? [];
  const problems: string[] = [];
  const lost = attempts.find(
    (attempt) => attempt.isAcknowledged && attempt.hashes.length > 0 && !isStored(events, attempt),
  );
  if (lost !== undefined)
    problems.push(
      `${sessionId}: acknowledged up to ${lost.from + lost.hashes.length}, found ${events.length} events`,
    );
  const written = new Set(
    attempts.flatMap(({ from, hashes }) => hashes.map((hash, at) => `${from + at + 1} ${hash}`)),
  );
  const strange = events.find(({ position, hash }) => !written.has(`${position} ${textOf(hash)}`));
  if (strange !== undefined) problems.push(`${sessionId}@${strange.position}: was never written`);
  if (events.length === 0) return problems;
  const lastHash = textOf(events[events.length - 1]?.hash ?? new Uint8Array());
  const ending = attempts.filter(({ from, hashes }) => {
    return from + hashes.length === events.length && (hashes.length === 0 || hashes.at(-1) === lastHash);
  });
  if (!ending.some(({ hashes }) => hashes.length > 0))
    problems.push(`${sessionId}: ends at ${events.length}, in the middle of a commit`);
  if (found !== undefined && !ending.some(({ status }) => status === found.status))
    problems.push(`${sessionId}: has the status ${found.status}, which its last commit did not give it`);
  return problems;
};

/** Content is there unless it was erased, and is not there when it was. */
const judgeContent = ({ sessionId, events }: Found, claims: Claims): string[] => {
  const mayBeGone = claims.erasedUpTo(sessionId, false);
  const mustBeGone = claims.erasedUpTo(sessionId, true);
  return events.flatMap(({ position, header, payload }) => {
    const { content = null }: { readonly content?: string | null } = JSON.parse(header);
    if (content !== null && payload === null && position > mayBeGone)
      return [`${sessionId}@${position}: its content is gone`];
    // Whole sessions are erased up to what they had then; later events are not of it.
    if (payload !== null && position <= mustBeGone && mustBeGone !== Infinity)
      return [`${sessionId}@${position}: its content is back after it was erased`];
    return [];
  });
};

const judgePosts = (store: OpenedStore, found: ReadonlyMap<string, Found>, claims: Claims): string[] => {
  const problems: string[] = [];
  const consumers = new Map<string, Claimed[]>();
  for (const attempt of claims.attempts.values())
    for (const id of attempt.consume) consumers.set(id, [...(consumers.get(id) ?? []), attempt]);
  for (const { inputs, signals } of claims.posts.values()) {
    for (const [index, id] of (signals ?? []).entries()) {
      const input = inputs[index];
      if (id === null || input === undefined) continue;
      const session = found.get(input.sessionId);
      const takers = consumers.get(id) ?? [];
      // A commit without events leaves no trace of its own.
      const isTaken = takers.some((one) => isStored(session?.events ?? [], one) || one.hashes.length === 0);
      const signal = session?.mailbox.get(id);
      if (signal === undefined && !isTaken)
        problems.push(`${input.sessionId}: the accepted signal ${id} (${input.key}) is lost`);
      if (signal !== undefined && isTaken && takers.every(({ hashes }) => hashes.length > 0))
        problems.push(`${input.sessionId}: the signal ${id} was read, and is unread again`);
      if (
        input.kind === "input" &&
        store.ask({ kind: "find-run", runId: input.runId ?? "" }) !== input.sessionId
      )
        problems.push(`${input.sessionId}: the run ${input.runId} of an accepted input is not found`);
    }
  }
  const bodies = new Set(
    [...claims.posts.values()].flatMap(({ inputs }) =>
      inputs.map((input) => `${input.sessionId} ${input.body}`),
    ),
  );
  for (const { sessionId, mailbox } of found.values())
    for (const { id, body } of mailbox.values())
      if (body !== "null" && !bodies.has(`${sessionId} ${body}`))
        problems.push(`${sessionId}: the signal ${id} was never posted`);
  return problems;
};

const judgeBlobs = (store: OpenedStore, found: ReadonlyMap<string, Found>, claims: Claims): string[] => {
  const owed = new Map<string, { readonly sessionId: string; readonly digest: string }>();
  const owe = (sessionId: string, digests: readonly string[]): void => {
    for (const digest of digests) owed.set(`${sessionId} ${digest}`, { sessionId, digest });
  };
  for (const attempt of claims.attempts.values())
    if (attempt.isAcknowledged) owe(attempt.sessionId, attempt.blobs);
  for (const { inputs, signals } of claims.posts.values())
    if (signals !== null) for (const { sessionId, blobs } of inputs) owe(sessionId, blobs);
  return [...owed.values()].flatMap(({ sessionId, digest }) => {
    if (!found.has(sessionId) || claims.erasedUpTo(sessionId, false) > 0) return [];
    const bytes = store.blob(sessionId, digest);
    if (bytes === undefined) return [`${sessionId}: the blob ${digest} is lost`];
    const isSame = createHash("sha256").update(bytes).digest("base64url") === digest;
    return isSame ? [] : [`${sessionId}: the blob ${digest} is not what was stored`];
  });
};

/** No tool was entered of whose start the journal knows nothing (J1, T2). */
const judgeEffects = (found: ReadonlyMap<string, Found>, claims: Claims): string[] => {
  const started = new Set(
    [...found.values()].flatMap(({ sessionId, events }) =>
      events.flatMap((stored) => {
        const { header } = openEvent(stored);
        return header.type === "tool-call.started" ? [`${sessionId} ${header.callId} ${header.attempt}`] : [];
      }),
    ),
  );
  return claims.effects
    .filter(({ kind, sessionId, callId, attempt }) => {
      return kind === "entered" && !started.has(`${sessionId} ${callId} ${attempt}`);
    })
    .map(
      ({ sessionId, callId }) => `${sessionId}: ${callId} was entered, and its start is not in the journal`,
    );
};

/** An accepted input that comes again is the same run (J5). */
const judgeKeys = (store: OpenedStore, claims: Claims): string[] => {
  const accepted = claims.accepted.at(-1);
  const input = [...claims.posts.values()]
    .flatMap(({ inputs }) => inputs)
    .find(({ key, runId }) => key === accepted?.key && runId === accepted?.runId);
  if (input === undefined || accepted === undefined) return [];
  const { sessionId, key, body, runId } = input;
  if (claims.erasedUpTo(sessionId, false) > 0) return [];
  const post = { sessionId, kind: "input", dedupeKey: key, runId: "another", body } as const;
  const answer = store.post({ ...post, salt: new Uint8Array(16), blobs: [] });
  return answer?.status === "duplicate" && answer.runId === runId
    ? []
    : [`${sessionId}: the accepted input ${key} would be accepted again: ${JSON.stringify(answer)}`];
};
