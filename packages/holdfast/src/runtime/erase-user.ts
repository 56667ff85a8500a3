import type { ChildErrand } from "../core/child-errand.ts";
import { ConfigurationError, ConflictError } from "../core/errors.ts";
import type { SessionId } from "../core/ids.ts";
import { checkOptions, maybeName, wholeNumber } from "../definitions/known-options.ts";
import type { ListedSession } from "../ports/journal-store.ts";
import { copiesIn } from "../stores/index.ts";
import { type Eraser, listAll } from "./eraser.ts";
import { closeExtractions } from "./extraction/close-extractions.ts";
import { dutiesOf, forgetDeliveries, forgetSchedules } from "./forget-duties.ts";
import type { RuntimeServices } from "./runtime-services.ts";
import { Session } from "./session.ts";

export type EraseUserOptions = {
  /** As in `createSession`; without it, the user of that name who has no tenant. */
  readonly tenant?: string | null;
  readonly user: string;
  /** How long runs that are under way may take to stop, in milliseconds; 30,000 by default. */
  readonly stopTimeoutMs?: number;
};

/** What is gone. */
export type ErasedUser = {
  readonly sessions: number;
  readonly memories: number;
  readonly schedules: number;
  /** Files in the data directory that are copies of everything as it was before an upgrade. They are yours to delete. */
  readonly copies: readonly string[];
};

export type UserEraserParts = {
  readonly services: RuntimeServices;
  readonly eraser: Eraser;
  readonly dataDir: string;
  readonly checkOpen: () => void;
};

type Settings = { readonly tenant: string | null; readonly user: string; readonly stopTimeoutMs: number };

/** How often it is looked whether runs have stopped. */
const LOOK_EVERY_MS = 50;
/** Who begins new runs all the while is not forgotten, however often it is tried. */
const MOST_ROUNDS = 20;
const WHY = "What is known of this user is erased.";

/**
 * Forgets a user. Text of theirs is in these places of a data directory, and afterwards in none of them:
 *
 * - `holdfast.db` and its log: payloads of events, snapshots, blobs, unread signals, names of used keys, inputs of schedules,
 *   and what is told of deliveries that failed;
 * - `blobs/`: what was too long for the database;
 * - `workspaces/`: files of tools, outputs that were too long for the model, what a browser kept;
 * - `memory.db` and its log, where it is there: records for the user, and those that came from the user's sessions.
 *
 * Nothing is noted about how far it came: each step can be done again, and it answers when a last look finds nothing (J4).
 */
export const eraseUser = async (parts: UserEraserParts, options: EraseUserOptions): Promise<ErasedUser> => {
  const settings = resolveEraseUser(options);
  const { services, dataDir } = parts;
  const { store } = services;
  const { tenant } = settings;
  // What begins sessions comes first.
  const schedules = await forgetSchedules(store, settings);
  const { sessions, memories } = await eraseWhatWasSaid(parts, settings);
  await forgetDeliveries(store, { tenant, sessions });
  // Nothing is as old as that; what was taken out of other rows leaves the log with it (C13).
  await store.expire(0);
  return { sessions: sessions.size, memories, schedules, copies: copiesIn(dataDir) };
};

type Gone = { readonly sessions: ReadonlySet<SessionId>; readonly memories: number };

/**
 * Goes round until nothing was written since what there is was erased. The memory comes last in each round: what ran until then may
 * have remembered something, and what was told of it meanwhile moved its session.
 */
const eraseWhatWasSaid = async (parts: UserEraserParts, settings: Settings): Promise<Gone> => {
  const { services, eraser } = parts;
  const { tenant, user } = settings;
  const erased = new Map<SessionId, ListedSession>();
  let memories = 0;
  for (let round = 1; ; round += 1) {
    const left = (await sessionsOf(parts, settings)).filter(
      (one) => endOf(erased.get(one.sessionId)) !== endOf(one),
    );
    const sessions = new Set(erased.keys());
    if (round > 1 && left.length === 0) return { sessions, memories };
    if (round > MOST_ROUNDS) throw stillActive(left);
    // As they were before they are erased: what is written meanwhile is seen the next time.
    for (const session of await stopRuns(parts, settings, left)) {
      // What is still held open for it would be kept in its folder when it is let go of.
      await services.resources.rest(session.sessionId);
      await eraser.alone(session.sessionId);
      erased.set(session.sessionId, session);
    }
    // What begins a session of theirs is stopped and erased in the next round.
    // guard J4: nobody begins to read what is erased
    await closeExtractions(services, { tenant, user, sessions: new Set(erased.keys()) });
    // guard J4: what was told meanwhile is erased in the next round
    memories += await eraseMemories(services, settings, [...erased.values()]);
  }
};

const eraseMemories = async (
  { memory }: RuntimeServices,
  { tenant, user }: Settings,
  sessions: readonly ListedSession[],
): Promise<number> => {
  if (memory === null) return 0;
  let count = await memory.erase({ tenant, user });
  // K10: a tool or a reader that stood still all the while brings back nothing
  for (const { sessionId: session, position } of sessions)
    count += await memory.erase({ tenant, session, upTo: position });
  return count;
};

/** Cancels what is open and waits for it to end. Answers the sessions as they stand then. @throws ConflictError */
const stopRuns = async (
  parts: UserEraserParts,
  settings: Settings,
  sessions: readonly ListedSession[],
): Promise<readonly ListedSession[]> => {
  const { services, checkOpen } = parts;
  const { clock } = services;
  const ids = new Set(sessions.map(({ sessionId }) => sessionId));
  for (const { sessionId } of sessions.filter(isOpen))
    await new Session(services, { id: sessionId, seen: 0 }).cancel({ reason: WHY });
  const until = clock.monotonicMs() + settings.stopTimeoutMs;
  for (;;) {
    checkOpen();
    const now = (await sessionsOf(parts, settings)).filter(({ sessionId }) => ids.has(sessionId));
    const open = now.filter(isOpen);
    if (open.length === 0 && !(await areErrandsOwed(parts, settings, ids))) return now;
    if (clock.monotonicMs() >= until) {
      await refuseActive(parts, open);
      return now;
    }
    await new Promise<void>((done) => void clock.startTimer(LOOK_EVERY_MS, done));
  }
};

/**
 * Where nobody works a session and the cancel lies unread, it is erased as it stands: whoever takes it up reads that first (E5).
 * One that somebody holds, or that has read the cancel and waits for a person to say how it ends, is not.
 */
const refuseActive = async ({ services }: UserEraserParts, open: readonly ListedSession[]): Promise<void> => {
  const active: ListedSession[] = [];
  for (const one of open) {
    const loaded = await services.store.load(one.sessionId);
    const lease = loaded?.lease ?? null;
    const isHeld = lease !== null && !lease.isHolderDead && lease.expiresAt > (loaded?.now ?? 0);
    // guard J4: what somebody still works is not taken for erased
    if (isHeld || one.unreadSignals === 0) active.push(one);
  }
  if (active.length > 0) throw stillActive(active);
};

/** What a called session is to tell the one that called it would come after that was erased. */
const areErrandsOwed = async (
  { services }: UserEraserParts,
  { tenant }: Settings,
  ids: ReadonlySet<SessionId>,
): Promise<boolean> => {
  const duties = await dutiesOf(services.store, { kind: "child", tenant });
  return duties.some(({ body }) => {
    const errand = JSON.parse(body) as ChildErrand;
    return "parent" in errand
      ? ids.has(errand.parent)
      : ids.has(errand.child) || ids.has(errand.to.sessionId);
  });
};

const sessionsOf = async (
  { services }: UserEraserParts,
  { tenant, user }: Settings,
): Promise<readonly ListedSession[]> => {
  const all = await listAll(services.store, { user, ...(tenant === null ? {} : { tenant }) });
  // S1: there may be a user of that name elsewhere
  return all.filter((session) => session.tenant === tenant);
};

const isOpen = ({ status, waiting, unreadSignals }: ListedSession): boolean =>
  status === "running" || status === "suspended" || waiting !== null || unreadSignals > 0;

/** Anything that is said in a session moves it. */
const endOf = (one: ListedSession | undefined): string | null =>
  one === undefined ? null : `${one.position} ${one.unreadSignals}`;

const stillActive = (sessions: readonly ListedSession[]): ConflictError =>
  new ConflictError(
    "RUN_ACTIVE",
    `Not all runs of this user have stopped, and not all is erased. Sessions that are still active: ${sessions.length}.`,
    {
      hint: "They were told to stop. See in `details` which they are, and call it again: what is erased stays erased.",
      details: { sessions: sessions.map(({ sessionId }) => sessionId) },
    },
  );

const OWNER = "eraseUser";

/** @throws ConfigurationError */
const resolveEraseUser = (options: EraseUserOptions): Settings => {
  checkOptions(options, { owner: OWNER, known: ["tenant", "user", "stopTimeoutMs"], later: [] });
  const { stopTimeoutMs = 30_000 } = options;
  const tenant = maybeName(OWNER, "tenant", options.tenant);
  const user = maybeName(OWNER, "user", options.user);
  if (user === null) throw nobody();
  return { tenant, user, stopTimeoutMs: wholeNumber(OWNER, "stopTimeoutMs", stopTimeoutMs) };
};

const nobody = (): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${OWNER}: there is no "user".`, {
    hint: "Say whose data is to be erased, as it was said to createSession.",
  });
