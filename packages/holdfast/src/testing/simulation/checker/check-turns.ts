import type { Activity } from "./history.ts";
import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

/** A process has no more calls of limited tools under way at once than they say, whosever they are (E7). */
export const checkTurns = ({ sessionId, whole }: SessionHistory): readonly Violation[] => {
  const { bank, activities = [] } = whole;
  if (bank === undefined) return [];
  const limited = activities.filter(({ tool = "" }) => bank.tools.has(tool));
  return limited.flatMap((activity) => {
    const { by, began, callId, untilDurable = null } = activity;
    if (activity.sessionId !== sessionId || began === undefined) return [];
    const others = limited.filter((other) => other.by === by && isUnderWay(other, began.order));
    if (others.length < bank.maxConcurrent) return [];
    const what = `${callId} begins beside ${others.length} others, where ${bank.maxConcurrent} may be at work`;
    return [finder(sessionId, "E7")("too-many-at-once", untilDurable, what)];
  });
};

const isUnderWay = ({ began, ended }: Activity, order: number): boolean =>
  began !== undefined &&
  began.order < order &&
  (ended === null || ended === undefined || ended.order > order);
