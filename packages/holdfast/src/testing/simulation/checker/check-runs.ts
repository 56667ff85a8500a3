import { isDeepStrictEqual } from "node:util";
import type { JournalEvent, RunTotals } from "../../../core/event.ts";
import { isEffectStart } from "../../../core/event.ts";
import type { RunId } from "../../../core/ids.ts";
import { addCharge, NO_SPEND, type Spend } from "../../../core/usage.ts";
import type { Acknowledged } from "./history.ts";
import type { Violation } from "./rules.ts";
import { isUndo } from "./undo-books.ts";
import { eventsOf, finder, isRunEnd, runOf, type EventOf, type SessionHistory } from "./session-history.ts";

type Input = Acknowledged & { readonly kind: "input" };

/** What was acknowledged is there, once, under the run that was named (J1, J5, J6). */
export const checkInputs = ({ sessionId, events, acknowledged }: SessionHistory): readonly Violation[] => {
  const inputs = acknowledged.filter((one): one is Input => one.kind === "input");
  const accepted = eventsOf(events, "run.accepted");
  const found: Violation[] = [];
  const runs = new Map<string, RunId>();
  for (const { key, runId, says } of inputs) {
    const first = runs.get(key);
    if (first !== undefined && first !== runId)
      found.push(finder(sessionId, "J5")("key-with-two-runs", null, `key ${key} was answered with two runs`));
    if (first !== undefined) continue;
    runs.set(key, runId);
    const said = accepted.filter(({ payload }) => JSON.stringify(payload).includes(says));
    const named = accepted.filter(({ header }) => header.runId === runId);
    if (named.length === 0)
      found.push(finder(sessionId, "J1")("input-missing", null, `the input of ${key} is not in the journal`));
    if (Math.max(said.length, named.length) > 1)
      found.push(
        finder(sessionId, "J6")(
          "input-twice",
          said[1]?.position ?? null,
          `the input of ${key} is there twice`,
        ),
      );
  }
  return found;
};

/** A run begins once and ends once; nothing of it starts after a cancel (E5). */
export const checkRuns = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, events } = session;
  const found: Violation[] = [];
  const started = new Set<RunId>();
  const ended = new Set<RunId>();
  const cancelled = new Map<RunId, number>();
  for (const one of session.acknowledged) {
    if (one.kind === "cancel") cancelled.set(one.runId, one.durable);
    const open =
      one.kind === "interrupt" && isInterruption(events, one.runId) ? runOpenAt(events, one.durable) : null;
    if (one.kind === "interrupt" && open !== null)
      cancelled.set(open, Math.min(one.durable, cancelled.get(open) ?? one.durable));
  }
  for (const { header, position } of events) {
    const runId = runOf(header);
    if (runId === null) continue;
    if (header.type === "run.started") {
      if (started.has(runId) || ended.has(runId))
        found.push(finder(sessionId, "E1")("run-started-twice", position, `${runId} starts again`));
      started.add(runId);
    }
    if (header.type === "run.steered") {
      if (started.has(header.steerId) || ended.has(header.steerId))
        found.push(finder(sessionId, "E1")("run-started-twice", position, `${header.steerId} joins as well`));
      started.add(header.steerId);
      const stoppedAt = cancelled.get(header.steerId);
      if (stoppedAt !== undefined)
        cancelled.set(runId, Math.min(Math.max(stoppedAt, position), cancelled.get(runId) ?? Infinity));
    }
    if (isRunEnd(header)) {
      if (ended.has(runId))
        found.push(finder(sessionId, "J3")("run-ended-twice", position, `${runId} ends again`));
      ended.add(runId);
    }
    if (header.type === "run.cancel-requested") {
      cancelled.set(runId, Math.min(position, cancelled.get(runId) ?? position));
    }
    // What is undone starts after the cancel that asks for it.
    const isUndone = "callId" in header && isUndo(header.callId);
    if (isEffectStart(header.type) && !isUndone && position > (cancelled.get(runId) ?? position))
      found.push(
        finder(sessionId, "E5")(
          "started-after-cancel",
          position,
          `${header.type} of ${runId} after its cancel`,
        ),
      );
  }
  return [...found, ...checkAborts(session)];
};

/** What was forgotten before it was read interrupts nothing (C13). */
const isInterruption = (events: readonly JournalEvent[], runId: RunId): boolean =>
  eventsOf(events, "run.accepted").some(({ header }) => header.runId === runId && header.isNext);

const runOpenAt = (events: readonly JournalEvent[], position: number): RunId | null => {
  let open: RunId | null = null;
  for (const { header } of events.slice(0, position)) {
    if (header.type === "run.started") open = header.runId;
    if (isRunEnd(header) && runOf(header) === open) open = null;
  }
  return open;
};

/** A holder tells what is under way as soon as it hears of a cancel, and journals the cancel after that. */
const ABORT_WITHIN_MS = 2_000;

type Stop = EventOf<"run.cancel-requested" | "tool-call.cancel-requested">;

/** What is under way when a run is cancelled is told to stop, by the holder that journals the cancel (E5). */
const checkAborts = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const activities = (whole.activities ?? []).filter((activity) => activity.sessionId === sessionId);
  const cancels = events.filter(
    (event): event is Stop =>
      event.header.type === "run.cancel-requested" || event.header.type === "tool-call.cancel-requested",
  );
  return cancels.flatMap((cancel) =>
    eventsOf(events, "tool-call.started").flatMap((start) => {
      const { header } = start;
      if (isUndo(header.callId)) return [];
      const isMeant = cancel.header.type === "run.cancel-requested" || cancel.header.callId === header.callId;
      const isHeld =
        isMeant &&
        header.runId === cancel.header.runId &&
        start.epoch === cancel.epoch &&
        start.position < cancel.position;
      const running = activities.find(
        ({ callId, attempt }) => callId === header.callId && attempt === header.attempt,
      );
      if (!isHeld || running === undefined) return [];
      const { until, untilDurable = cancel.position } = running;
      // A clock that was set back does not make late what came before the cancel was journaled.
      if (until !== null && (until <= cancel.at + ABORT_WITHIN_MS || untilDurable < cancel.position))
        return [];
      const what = `${header.callId} was not told that its run is cancelled`;
      return [finder(sessionId, "E5")("not-aborted", cancel.position, what)];
    }),
  );
};

/** When all is quiet, every run is settled, or waits for a stated reason, or stands behind one that does. */
export const checkSettled = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const { quietAt, known = new Set() } = whole;
  if (quietAt === undefined) return [];
  const open = new Map<RunId, JournalEvent | null>();
  let active: RunId | null = null;
  for (const event of events) {
    const runId = runOf(event.header);
    if (runId === null || event.header.type === "tool-call.late") continue;
    if (event.header.type === "run.accepted") open.set(runId, null);
    if (event.header.type === "run.started") active = runId;
    if (event.header.type === "run.steered") open.delete(event.header.steerId);
    if (isRunEnd(event.header)) open.delete(runId);
    if (event.header.type === "run.suspended") open.set(runId, event);
    if (ENDS_SUSPENSION.has(event.header.type)) open.set(runId, null);
  }
  const [first] = open.keys();
  if (first === undefined) return [];
  // Who interrupts goes before those who came first.
  const runId = active !== null && open.has(active) ? active : first;
  const suspended = open.get(runId) ?? null;
  const say = finder(sessionId, "S3");
  if (suspended !== null && isWaiting(suspended, quietAt)) {
    const { header, position } = suspended;
    const waits = header.type === "run.suspended" ? header.waitingFor : [];
    return waits.some((wait) => wait.kind === "definition" && known.has(wait.name))
      ? [finder(sessionId, "S6")("run-unsettled", position, `${runId} waits for what is long there`)]
      : [];
  }
  return [
    say("run-unsettled", suspended?.position ?? null, `${runId} neither ends nor says what it waits for`),
  ];
};

const ENDS_SUSPENSION: ReadonlySet<string> = new Set(["run.resumed", "run.cancel-requested", "run.expired"]);

const isWaiting = ({ header }: JournalEvent, now: number): boolean =>
  header.type === "run.suspended" &&
  header.waitingFor.length > 0 &&
  header.waitingFor.every((wait) => !("until" in wait) || wait.until === null || wait.until > now);

/** The totals a run ends with are the sums of what it did (E8). */
export const checkTotals = ({ sessionId, events }: SessionHistory): readonly Violation[] => {
  const sums = new Map<RunId, { turns: number; toolCalls: number; spend: Spend }>();
  const found: Violation[] = [];
  for (const { header, position } of events) {
    const runId = runOf(header);
    if (runId === null) continue;
    const sum = sums.get(runId) ?? { turns: 0, toolCalls: 0, spend: NO_SPEND };
    sums.set(runId, sum);
    if (header.type === "model-call.started") sum.turns = header.turn;
    if (header.type === "model-call.completed") sum.toolCalls += header.calls.length;
    if ("charge" in header) sum.spend = addCharge(sum.spend, header.charge);
    if ("totals" in header && !isSum(header.totals, sum))
      found.push(
        finder(sessionId, "E8")("totals-wrong", position, `${runId} ends with totals that are no sums`),
      );
  }
  return found;
};

const isSum = (totals: RunTotals, sum: { turns: number; toolCalls: number; spend: Spend }): boolean =>
  totals.turns === sum.turns &&
  totals.toolCalls === sum.toolCalls &&
  isDeepStrictEqual(totals.spend, sum.spend);
