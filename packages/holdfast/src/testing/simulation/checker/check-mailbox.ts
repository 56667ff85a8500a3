import { openEvent } from "../../../core/journal-codec.ts";
import type { Activity } from "./history.ts";
import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

/** Inputs that are read together are read as they were posted, when they came from different processes (J6). */
export const checkReading = ({ sessionId, whole }: SessionHistory): readonly Violation[] => {
  const say = finder(sessionId, "J6");
  const posted = (whole.posted ?? []).filter((one) => one.sessionId === sessionId && one.kind === "input");
  return (whole.written ?? []).flatMap((batch) => {
    if (batch.sessionId !== sessionId || batch.events.length < 2) return [];
    const read = batch.events.flatMap((stored) => {
      if (!stored.header.includes("run.accepted")) return [];
      const { header, position } = openEvent(stored);
      const index = posted.findIndex((one) => header.type === "run.accepted" && one.runId === header.runId);
      return index === -1 ? [] : [{ index, position, by: posted[index]?.by }];
    });
    return read.flatMap(({ index, position, by }, place) => {
      const isLate = read.slice(0, place).some((before) => before.index > index && before.by !== by);
      return isLate ? [say("read-out-of-order", position, "what was posted later was read first")] : [];
    });
  });
};

/** So many refusals in a row, and nothing written by anybody meanwhile, are no contest. */
const MOST_IN_VAIN = 30;

/** Who is refused looks again, and then gets on or leaves the session alone (J6). */
export const checkVainCommits = ({ sessionId, whole }: SessionHistory): readonly Violation[] => {
  const refused = (whole.refused ?? []).filter((one) => one.sessionId === sessionId);
  const inVain = Map.groupBy(refused, ({ by, written }) => `${by} ${written}`);
  const most = Math.max(0, ...inVain.values().map(({ length }) => length));
  if (most <= MOST_IN_VAIN) return [];
  return [finder(sessionId, "J6")("worked-in-vain", null, `${most} commits in a row were refused`)];
};

/** Of one attempt a process asks once at a time (E2). */
export const checkVerifications = ({ sessionId, whole }: SessionHistory): readonly Violation[] => {
  const say = finder(sessionId, "E2");
  const asked = (whole.checks ?? []).filter((one) => one.sessionId === sessionId);
  return asked.flatMap((one, place) => {
    const isAsked = asked.slice(0, place).some((before) => isSame(before, one) && isOpenAt(before, one));
    return isAsked
      ? [say("verified-twice", null, `${one.callId} is verified while it is being verified`)]
      : [];
  });
};

const isSame = (left: Activity, right: Activity): boolean =>
  left.callId === right.callId && left.attempt === right.attempt && left.by === right.by;

const isOpenAt = ({ ended = null }: Activity, { began }: Activity): boolean =>
  began !== undefined && (ended === null || ended.order > began.order);
