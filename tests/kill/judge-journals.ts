import { GENESIS_HASH } from "../../packages/holdfast/src/core/hash-chain.ts";
import { verifyEvent } from "../../packages/holdfast/src/core/journal-codec.ts";
import { sha256 } from "../../packages/holdfast/src/runtime/node-sha256.ts";
import { fingerprintOf } from "./acknowledgement.ts";
import type { Evidence } from "./evidence.ts";
import { eventsOf, told, type Finding, type Journals } from "./finding.ts";

/** What is stored is whole, in order, and holds everything that anybody was told. */
export const judgeJournals = (evidence: Evidence, journals: Journals): readonly Finding[] => [
  ...evidence.damage.map((one) => ({
    rule: "damaged",
    what: `${one.sessionId}@${one.position}: ${one.what}`,
  })),
  ...brokenChains(evidence),
  ...disorder(journals),
  ...lostSessions(evidence, journals),
  ...lostEvents(evidence, journals),
  ...lostInputs(evidence, journals),
  ...unfinishedRuns(evidence, journals),
  ...lostResolutions(evidence, journals),
];

/** Positions without gaps, and hashes that follow from the bytes as they are stored (J2, J4). */
const brokenChains = ({ journals }: Evidence): readonly Finding[] =>
  [...journals].flatMap(([sessionId, stored]) => {
    const found: Finding[] = [];
    let previous = GENESIS_HASH;
    stored.forEach((event, index) => {
      const where = `${sessionId}@${event.position}`;
      if (event.position !== index + 1)
        found.push({ rule: "position gap", what: `${where} stands where ${index + 1} belongs` });
      const problem = verifyEvent(sha256, previous, event);
      if (problem !== null) found.push({ rule: "chain broken", what: `${where}: ${problem}` });
      previous = event.hash;
    });
    return found;
  });

/** One owner after another, and no time that goes back (J2). */
const disorder = (journals: Journals): readonly Finding[] =>
  [...journals].flatMap(([sessionId, events]) =>
    events.flatMap((event, index): readonly Finding[] => {
      const before = events[index - 1];
      if (before === undefined) return [];
      const where = `${sessionId}@${event.position}`;
      const isOlder = event.epoch < before.epoch;
      return [
        ...(isOlder ? [{ rule: "older owner wrote", what: `${where} is of epoch ${event.epoch}` }] : []),
        ...(event.at < before.at ? [{ rule: "time went back", what: where }] : []),
      ];
    }),
  );

const lostSessions = (evidence: Evidence, journals: Journals): readonly Finding[] =>
  told(evidence, "session")
    .filter(({ sessionId }) => !journals.has(sessionId))
    .map(({ sessionId }) => ({ rule: "session lost", what: sessionId }));

/** An event that somebody saw is where it was, and as it was (J1). */
const lostEvents = (evidence: Evidence, journals: Journals): readonly Finding[] => {
  const known = new Map(
    [...journals].map(([sessionId, events]) => [sessionId, events.map((event) => fingerprintOf(event))]),
  );
  return told(evidence, "event").flatMap(({ sessionId, position, fingerprint }) => {
    const found = known.get(sessionId)?.[position - 1];
    if (found === fingerprint) return [];
    const rule = found === undefined ? "event lost" : "event changed";
    return [{ rule, what: `${sessionId}@${position} was seen` }];
  });
};

/** An input that was acknowledged is there once, under the run that was named each time it was sent (J1, J5, J6). */
const lostInputs = (evidence: Evidence, journals: Journals): readonly Finding[] => {
  const runs = new Map<string, string>();
  return told(evidence, "input").flatMap(({ sessionId, key, runId, says }): readonly Finding[] => {
    const where = `${sessionId} ${runId} (${says})`;
    const first = runs.get(`${sessionId} ${key}`);
    if (first !== undefined)
      return first === runId ? [] : [{ rule: "key with two runs", what: `${where} was ${first}` }];
    runs.set(`${sessionId} ${key}`, runId);
    const accepted = eventsOf(journals.get(sessionId) ?? [], "run.accepted");
    const named = accepted.filter(({ header }) => header.runId === runId);
    const said = accepted.filter(({ payload }) => JSON.stringify(payload).includes(says));
    if (named.length === 0 || said.length === 0) return [{ rule: "input lost", what: where }];
    return Math.max(named.length, said.length) > 1 ? [{ rule: "input twice", what: where }] : [];
  });
};

const END = /^run\.(completed|failed|cancelled)$/;

/** Every run that was accepted is completed, once, and whoever was told of its end was told the truth (S3). */
const unfinishedRuns = (evidence: Evidence, journals: Journals): readonly Finding[] => {
  const found: Finding[] = [];
  const ends = new Map<string, string>();
  for (const [sessionId, events] of journals) {
    const open = new Set<string>();
    for (const { header, position } of events) {
      if (header.type === "run.accepted") open.add(header.runId);
      const end = END.exec(header.type)?.[1];
      if (end === undefined || !("runId" in header)) continue;
      const where = `${sessionId}@${position}`;
      if (ends.has(header.runId)) found.push({ rule: "run ended twice", what: where });
      ends.set(header.runId, end);
      open.delete(header.runId);
      if (end !== "completed") found.push({ rule: "run not completed", what: `${where}: ${end}` });
    }
    for (const runId of open) found.push({ rule: "run not settled", what: `${sessionId} ${runId}` });
  }
  for (const { runId, sessionId, status } of told(evidence, "outcome"))
    if (ends.get(runId) !== status)
      found.push({
        rule: "outcome changed",
        what: `${sessionId} ${runId}: told ${status}, is ${ends.get(runId)}`,
      });
  return found;
};

/** What an operator answered, and was told is accepted, was recorded (J1, J6). */
const lostResolutions = (evidence: Evidence, journals: Journals): readonly Finding[] =>
  told(evidence, "resolution").flatMap(({ sessionId, callId, as }) => {
    const recorded = eventsOf(journals.get(sessionId) ?? [], "tool-call.resolved").some(
      ({ header }) => header.callId === callId && header.as === as,
    );
    return recorded ? [] : [{ rule: "resolution lost", what: `${sessionId} ${callId} as ${as}` }];
  });
