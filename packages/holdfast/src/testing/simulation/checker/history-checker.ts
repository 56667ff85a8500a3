import { checkArchive } from "./check-archive.ts";
import { checkAnswers } from "./check-answers.ts";
import { checkApprovals, checkDecisions } from "./check-approvals.ts";
import { checkBooks } from "./check-books.ts";
import { checkChildren } from "./check-children.ts";
import { checkCalendar } from "./check-calendar.ts";
import { checkCalls } from "./check-calls.ts";
import { checkAccounts, checkBudgets } from "./check-budgets.ts";
import { checkRepeats } from "./check-repeats.ts";
import { checkCharges } from "./check-charges.ts";
import { checkContent } from "./check-content.ts";
import { checkConversation } from "./check-conversation.ts";
import { asItWas, checkErasures, mayBeErased } from "./check-erasures.ts";
import { checkBytes, checkOrder, checkSightings, openJournal } from "./check-journal.ts";
import {
  checkBroken,
  checkFollowers,
  checkHearing,
  checkLettingGo,
  checkOrphans,
  checkStops,
  checkTakings,
  checkTimes,
} from "./check-promptness.ts";
import { checkDoubts, checkInheritance, checkLapses, checkRest, checkSafety } from "./check-holders.ts";
import { checkReading, checkVainCommits, checkVerifications } from "./check-mailbox.ts";
import { checkHeardReading, checkPromptReading } from "./check-reading.ts";
import { checkOwners, checkPieces, checkSecrets, checkSignals, checkToolInputs } from "./check-records.ts";
import { checkTurns } from "./check-turns.ts";
import { checkLateReturns, checkToolCodes, checkToolHolders, checkToolTimes } from "./check-tool-limits.ts";
import { checkUndo } from "./check-undo.ts";
import { checkVisits } from "./check-visits.ts";
import { checkWaits } from "./check-waits.ts";
import { checkInputs, checkRuns, checkSettled, checkTotals } from "./check-runs.ts";
import { checkProbes } from "./check-probes.ts";
import { checkDamage, checkStrangers } from "./check-strangers.ts";
import { checkRequests } from "./check-requests.ts";
import { checkStopped } from "./check-stopped-calls.ts";
import { checkTold } from "./check-told.ts";
import type { JournalEvent } from "../../../core/event.ts";
import { modelCallOf } from "../../../core/ids.ts";
import type { History } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, type SessionHistory } from "./session-history.ts";

/**
 * Says which promises a history breaks. It reads stored bytes and what the outside world saw, and knows
 * nothing of the engine, the fold or the plan: what those get wrong together still shows here.
 */
export const checkHistory = (history: History): readonly Violation[] => {
  const effects = Map.groupBy(history.effects, (entry) => entry.sessionId);
  const acknowledged = Map.groupBy(history.acknowledged, (one) => one.sessionId);
  const models = Map.groupBy(history.models ?? [], (entry) => entry.sessionId);
  const lost = [...acknowledged.keys()].filter((sessionId) => !history.journals.has(sessionId));
  const found: Violation[] = lost.map((sessionId) =>
    finder(sessionId, "J1")("input-missing", null, "the session of an acknowledged input is not there"),
  );
  for (const { sessionId, problem } of history.refusedPrompts ?? [])
    found.push(finder(sessionId, "E3")("prompt-invalid", null, problem));
  found.push(...checkCalendar(history));
  found.push(...checkChildren(history), ...checkArchive(history));
  for (const { by, count } of history.timersLeft ?? [])
    found.push(finder("", "S3")("timer-left", null, `${count} timers run in ${by}, and nothing is owed`));
  const journals: (readonly JournalEvent[])[] = [];
  for (const [sessionId, stored] of history.journals) {
    const opened = openJournal(sessionId, asItWas(history, sessionId, stored));
    found.push(...checkBytes(history.sha256, sessionId, stored), ...opened.found);
    const session: SessionHistory = {
      sessionId,
      events: opened.events,
      effects: effects.get(sessionId) ?? [],
      acknowledged: acknowledged.get(sessionId) ?? [],
      models: models.get(sessionId) ?? [],
      whole: history,
    };
    journals.push(opened.events);
    for (const check of CHECKS) found.push(...check(session));
  }
  found.push(...checkAccounts(history, journals));
  return found;
};

/** A late result belongs to a call that was asked for (E5). */
const checkLate = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const say = finder(sessionId, "E5");
  const known = new Set(
    eventsOf(events, "tool-call.started").map(({ header }) => `${header.callId}:${header.attempt}`),
  );
  return eventsOf(events, "tool-call.late").flatMap(({ header, position, payload }) => {
    if (!known.has(`${header.callId}:${header.attempt}`))
      return [say("late-for-unknown-call", position, `${header.callId} was never started`)];
    const askedAt = modelCallOf(header.callId);
    // J4: only what was erased by then comes without its content
    return payload === null && !mayBeErased(whole, sessionId, { position: askedAt })
      ? [say("late-forgotten", position, `what ${header.callId} brought late is not kept`)]
      : [];
  });
};

const CHECKS = [
  checkReading,
  checkVainCommits,
  checkVerifications,
  checkOrder,
  checkInputs,
  checkRuns,
  checkStopped,
  checkCalls,
  checkLate,
  checkTotals,
  checkSettled,
  checkSightings,
  checkBooks,
  checkApprovals,
  checkDecisions,
  checkConversation,
  checkContent,
  checkCharges,
  checkAnswers,
  checkErasures,
  checkRequests,
  checkPromptReading,
  checkHeardReading,
  checkOwners,
  checkSignals,
  checkPieces,
  checkSecrets,
  checkDamage,
  checkStrangers,
  checkToolInputs,
  checkWaits,
  checkStops,
  checkHearing,
  checkTimes,
  checkOrphans,
  checkLettingGo,
  checkBroken,
  checkTakings,
  checkInheritance,
  checkLapses,
  checkRest,
  checkSafety,
  checkDoubts,
  checkFollowers,
  checkTold,
  checkVisits,
  checkToolTimes,
  checkTurns,
  checkToolHolders,
  checkLateReturns,
  checkToolCodes,
  checkProbes,
  checkUndo,
  checkBudgets,
  checkRepeats,
];
