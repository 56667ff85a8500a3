import { toBase64Url } from "../../../core/base64url.ts";
import type { StoredEvent } from "../../../core/hash-chain.ts";
import type { SessionId } from "../../../core/ids.ts";
import { openEvent } from "../../../core/journal-codec.ts";
import type { JournalEvent } from "../../../core/event.ts";
import { recalledIn, recalledText } from "../../../core/recalled.ts";
import { extractionSessionId } from "../../../runtime/extraction/extraction-session.ts";
import { FACT_OF, pageOf } from "../sayings.ts";
import { checkBytes } from "./check-journal.ts";
import type { Consulted, Entrusted, History } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder } from "./session-history.ts";

type Archive = NonNullable<History["archive"]>;
type Journals = ReadonlyMap<SessionId, readonly JournalEvent[]>;
type Place = { readonly history: History; readonly archive: Archive; readonly journals: Journals };

/**
 * What is remembered: each fact that was said once, and none that was not said (K5); by whom nobody vouches for reaches nobody (K8);
 * what was told is what was journaled, and of nobody else (S1); files are there with their results; and of who was forgotten
 * nothing is left anywhere (J4, K10).
 */
export const checkArchive = (history: History): readonly Violation[] => {
  const { archive } = history;
  if (archive === undefined) return [];
  const journals = new Map([...archive.journals].map(([id, stored]) => [id, stored.map(openEvent)] as const));
  const place = { history, archive, journals };
  return [
    ...[...archive.journals].flatMap(([id, stored]) => checkBytes(history.sha256, id, stored)),
    ...archive.entrusted.flatMap((one) => [...checkEntrusted(one, place), ...checkFile(one, place)]),
    ...archive.consulted.flatMap((one) => checkConsulted(one, place)),
    ...checkForgotten(archive),
  ];
};

const runOf = ({ taken }: Entrusted, journals: Journals): readonly JournalEvent[] =>
  (journals.get(taken?.sessionId ?? "") ?? []).filter(
    ({ header }) => "runId" in header && header.runId === taken?.runId,
  );

const checkEntrusted = (one: Entrusted, { history, archive, journals }: Place): readonly Violation[] => {
  const { taken, saying, noun, word, user } = one;
  if (taken === null) return [];
  const events = runOf(one, journals);
  const say = finder(taken.sessionId, "K5");
  const accepted = eventsOf(events, "run.accepted").length;
  const found: Violation[] = [];
  if (accepted !== 1) found.push(say("input-missing", null, `${word} is there ${accepted} times`));
  const reading = journals.get(extractionSessionId(history.sha256, taken.runId)) ?? [];
  const readings = eventsOf(reading, "run.completed").length;
  if (readings > 1) found.push(say("remembered-wrong", null, `${word} was read ${readings} times`));
  const facts = archive.records.filter(({ text }) => text === FACT_OF[saying](noun, word));
  // What is still owed may come, and what an operator has stopped need not.
  const isStopped = eventsOf(reading, "run.cancelled").length > 0;
  const isRead = saying === "keep" || (!archive.unread.has(taken.runId) && !isStopped);
  const owed = isRead ? isOwed(one, events) : null;
  if (facts.length > 1 || (owed === "yes" && facts.length === 0))
    found.push(say("remembered-wrong", null, `${word} is remembered ${facts.length} times`));
  if (owed === "no" && facts.length > 0)
    found.push(say("remembered-wrong", null, `${word} is remembered, and its run did not come to that`));
  for (const { trust, scope } of facts) {
    if (scope.user !== user) found.push(say("remembered-wrong", null, `${word} is ${String(scope.user)}'s`));
    // K8: what a page says is nobody's word
    if ((trust === "quarantined") !== (saying === "look"))
      found.push(say("remembered-wrong", null, `${word} is ${trust}`));
  }
  return found;
};

/** Whether a fact of it has to be in the memory by now; null where either is right. */
const isOwed = ({ saying, isCertain }: Entrusted, events: readonly JournalEvent[]): "yes" | "no" | null => {
  const isCompleted = eventsOf(events, "run.completed").length > 0;
  const results = eventsOf(events, "tool-call.completed").length;
  const isSaid = saying === "keep" ? results > 0 : isCompleted && (saying === "note" || results > 0);
  if (isSaid) return isCertain ? "yes" : null;
  // A call that was given up may have been done.
  return saying === "keep" ? null : "no";
};

const checkFile = (one: Entrusted, { history, archive, journals }: Place): readonly Violation[] => {
  const { taken, saying, word } = one;
  if (saying !== "look" || taken === null) return [];
  const digest = toBase64Url(history.sha256(pageOf(word), ""));
  const results = eventsOf(runOf(one, journals), "tool-call.completed").filter(
    ({ payload }) => payload !== null,
  );
  const told = results.filter(({ payload }) => JSON.stringify(payload?.["artifacts"] ?? []).includes(digest));
  const say = finder(taken.sessionId, "J4");
  if (told.length !== results.length) return [say("file-wrong", null, `${word} has no file with its result`)];
  const isThere = archive.files.has(word);
  return isThere === told.length > 0
    ? []
    : [say("file-wrong", null, `the file of ${word} is ${isThere ? "there" : "gone"}`)];
};

const KNOWN = "[Known from earlier conversations";

const checkConsulted = (
  { sessionId, texts, durable }: Consulted,
  { archive, journals }: Place,
): readonly Violation[] => {
  const user = archive.entrusted.find(({ taken }) => taken?.sessionId === sessionId)?.user;
  const say = finder(sessionId, "S1");
  const others = archive.entrusted.filter((one) => user !== undefined && one.user !== user);
  const foreign = others.find(({ word }) => texts.some((text) => text.includes(word)));
  if (foreign !== undefined)
    return [say("recalled-wrong", durable, `${foreign.word} is told to ${String(user)}`)];
  const known = texts.filter((text) => text.startsWith(KNOWN));
  if (known.some((text) => text.includes(FACT_OF.look("", ""))))
    return [say("recalled-wrong", durable, "somebody is told what nobody vouches for")];
  const events = journals.get(sessionId) ?? [];
  // Of what was erased since, nobody knows what was told.
  if (events.some(({ header, payload }) => header.type === "run.accepted" && payload === null)) return [];
  const told = eventsOf(events, "run.started").flatMap(({ position, payload }) =>
    position <= durable ? (recalledText(recalledIn(payload)) ?? []) : [],
  );
  return told.join("\n\n") === known.join("\n\n")
    ? []
    : [say("recalled-wrong", durable, "what is told is not what was journaled")];
};

const textOf = ({ header, payload }: StoredEvent): string => `${String(header)} ${String(payload)}`;

const checkForgotten = ({ forgotten, journals, records, files }: Archive): readonly Violation[] => {
  const found: Violation[] = [];
  const isSaid = (text: string): string | undefined => [...forgotten].find((word) => text.includes(word));
  for (const [id, stored] of journals)
    for (const event of stored) {
      const word = isSaid(textOf(event));
      if (word !== undefined)
        found.push(finder(id, "J4")("not-forgotten", event.position, `${word} is still in the journal`));
    }
  for (const record of records) {
    const word = isSaid(JSON.stringify(record));
    if (word !== undefined) found.push(finder("", "K10")("not-forgotten", null, `${word} is remembered`));
  }
  for (const word of forgotten)
    if (files.has(word)) found.push(finder("", "J4")("not-forgotten", null, `the file of ${word} is there`));
  return found;
};
