import { openEvent } from "../../../core/journal-codec.ts";
import { isWellIn } from "./check-promptness.ts";
import type { History, Posted, Written } from "./history.ts";
import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

/** How long an input may lie there, in the process that has its session or may have it. */
type Patience = {
  readonly withinMs: number;
  /** What troubled the process so long before may still trouble it. */
  readonly beforeMs: number;
  /** Whether a store that fails, or takes a moment, is an excuse. */
  readonly isStoreExcused: boolean;
};

const AT_ONCE: Patience = { withinMs: 500, beforeMs: 3_000, isStoreExcused: true };
const SOON: Patience = { withinMs: 6_000, beforeMs: 3_000, isStoreExcused: false };

/** Who goes within this time reads no more. */
const GOES_WITHIN_MS = 12_000;
/** A store that takes longer is an excuse in any case. */
const MOMENT_MS = 3_100;

/** What is posted in the process that works a session, or is free to, is read at once; soon, where the store fails (J6). */
export const checkPromptReading = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, whole, acknowledged } = session;
  const written = (whole.written ?? []).filter((one) => one.sessionId === sessionId);
  // Of an attempt whose answer was lost its process knows nothing.
  const isHeard = ({ by, runId, at }: Posted): boolean =>
    acknowledged.some((one) => one.kind === "input" && one.runId === runId && one.by === by && one.at === at);
  const posted = (whole.posted ?? []).filter(
    (one) => one.sessionId === sessionId && one.kind === "input" && isHeard(one),
  );
  const say = finder(sessionId, "J6");
  // A session that waits until there is room is read when its turn comes.
  if (whole.isCrowded === true || whole.quietAt === undefined) return [];
  return posted.flatMap((one) =>
    [AT_ONCE, SOON].some((patience) => isForgotten(whole, { one, written, patience }))
      ? [say("read-late", null, `${one.runId ?? "an input"} lies there, and ${one.by} could read it`)]
      : [],
  );
};

/** Others hear of it within 250 ms; this is how long they may take to store that they have read it. */
const READ_WITHIN_MS = 3_000;

/** A stretch of time in which one process has the session. */
type Hold = { readonly by: string; readonly fromMs: number; readonly untilMs: number };

const holdsIn = (written: readonly Written[]): readonly Hold[] =>
  written.flatMap(({ writer: by, epoch, atMs: fromMs = 0, isLet = false }, place) => {
    const before = written[place - 1];
    const isSame = before?.isLet !== true && before?.writer === by && before.epoch === epoch;
    if (isLet || isSame) return [];
    const later = written.slice(place + 1);
    const end = later.find((one) => one.isLet === true || one.epoch !== epoch);
    const last = later.findLast((one) => one.epoch === epoch)?.atMs ?? fromMs;
    const untilMs = isTakenUnheard(later, written[place]) ? last : (end?.atMs ?? Number.POSITIVE_INFINITY);
    return [{ by, fromMs, untilMs }];
  });

/** An input that was posted; `isAgain` where it was handed in once more, by who may not have heard of the first time. */
type HandedIn = Posted & { readonly isAgain: boolean };

const handedIn = ({ sessionId, whole }: SessionHistory): readonly HandedIn[] => {
  const posted = (whole.posted ?? []).filter((one) => one.sessionId === sessionId);
  const inputs = posted.filter(({ kind }) => kind === "input");
  const again = posted.flatMap(({ kind, key, by, at }) => {
    const first = kind === "duplicate" ? inputs.find((one) => one.key === key) : undefined;
    return first === undefined ? [] : [{ ...first, by, at, isAgain: true }];
  });
  return [...inputs.map((one) => ({ ...one, isAgain: false })), ...again];
};

/** What others posted, before or while a process has the session, it reads soon, where nothing is the matter (J6). */
export const checkHeardReading = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, whole } = session;
  const written = (whole.written ?? []).filter((one) => one.sessionId === sessionId);
  const say = finder(sessionId, "J6");
  const holds = holdsIn(written);
  if (whole.quietAt === undefined) return [];
  return handedIn(session).flatMap((one) => {
    const readMs = written.find((batch) => accepts(batch, one))?.atMs;
    // It was read in a commit whose answer nobody heard.
    if (readMs === undefined) return [];
    return holds.flatMap(({ by, fromMs, untilMs }) => {
      const since = Math.max(one.at, fromMs);
      const isSoon = Math.min(readMs, untilMs) - since <= READ_WITHIN_MS;
      const isItsOwn = by === one.by && !one.isAgain;
      if (isSoon || isItsOwn || !isWellIn(whole, by, [since, since + READ_WITHIN_MS])) return [];
      return [say("read-late", null, `${one.runId ?? "an input"} lies there, and ${by} has the session`)];
    });
  });
};

type Case = { readonly one: Posted; readonly written: readonly Written[]; readonly patience: Patience };

const isForgotten = (whole: History, { one, written, patience }: Case): boolean => {
  const { by, at } = one;
  const until = at + patience.withinMs;
  const before = written.findLast(({ atMs = 0 }) => atMs < at);
  const since = written.filter(({ atMs = 0 }) => atMs >= at && atMs <= until);
  const mayRead = before?.writer === by || before?.isLet === true;
  const isElsewhere = since.some(({ writer }) => writer !== by) || isTakenUnheard(written, before);
  const isRead = since.some((batch) => accepts(batch, one));
  return mayRead && !isElsewhere && !isRead && !isTroubled(whole, one, patience);
};

/** Somebody claimed it next in a commit whose answer nobody heard: an epoch is missing. */
const isTakenUnheard = (written: readonly Written[], before: Written | undefined): boolean => {
  if (before === undefined) return false;
  const next = written.find(({ epoch }) => epoch > before.epoch);
  return next !== undefined && next.epoch > before.epoch + 1;
};

const isTroubled = ({ troubles = [] }: History, { by, at }: Posted, patience: Patience): boolean =>
  troubles.some(
    ({ kind, fromMs, untilMs, ...trouble }) =>
      trouble.by === by &&
      (kind !== "store" || patience.isStoreExcused || untilMs - fromMs > MOMENT_MS) &&
      untilMs >= at - patience.beforeMs &&
      fromMs <= at + (kind === "gone" ? GOES_WITHIN_MS : patience.withinMs),
  );

const accepts = ({ events }: Written, { runId }: Posted): boolean =>
  events.some(({ header, ...stored }) => {
    if (!header.includes("run.accepted")) return false;
    const opened = openEvent({ header, ...stored });
    return opened.header.type === "run.accepted" && opened.header.runId === runId;
  });
