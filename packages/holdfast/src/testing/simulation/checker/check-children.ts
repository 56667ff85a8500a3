import { childSessionId } from "../../../engine/child-errands.ts";
import { openEvent } from "../../../core/journal-codec.ts";
import type { HeaderOf, JournalEvent } from "../../../core/event.ts";
import type { CallId, SessionId } from "../../../core/ids.ts";
import type { History } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder } from "./session-history.ts";

type Journals = ReadonlyMap<SessionId, readonly JournalEvent[]>;

/**
 * What agents ask of each other: each call begins one run in a session of its own, which is told what the call says; what
 * that run came to is the call's one result, and counts in what the parent came to; nobody is left behind (J5, E3, E5, E8).
 */
export const checkChildren = (history: History): readonly Violation[] => {
  if (history.team === undefined) return [];
  const { journals: stored, noted, accepted } = history.team;
  const journals: Journals = new Map([...stored].map(([id, events]) => [id, events.map(openEvent)] as const));
  const found = [...journals].flatMap(([id, events]) => [
    ...checkParent(history, { id, events, journals }),
    ...checkChild({ id, events, journals }),
    ...checkSpending({ id, events, journals }),
    ...checkTotals({ id, events, journals }),
  ]);
  for (const { sessionId, runId } of accepted) {
    const runs = eventsOf(journals.get(sessionId) ?? [], "run.accepted");
    const count = runs.filter(({ header }) => header.runId === runId).length;
    if (count !== 1)
      found.push(finder(sessionId, "J1")("input-missing", null, `${runId} is there ${count} times`));
  }
  const keys = new Map<string, string>();
  for (const { key, what, sessionId } of noted) {
    if ((keys.get(key) ?? what) !== what)
      found.push(finder(sessionId, "E1")("key-with-two-inputs", null, `${key} wrote ${what}`));
    keys.set(key, what);
  }
  return found;
};

type Place = {
  readonly id: SessionId;
  readonly events: readonly JournalEvent[];
  readonly journals: Journals;
};

const checkParent = (history: History, { id, events, journals }: Place): readonly Violation[] => {
  const found: Violation[] = [];
  for (const { header, position } of eventsOf(events, "tool-call.held")) {
    const { callId, child } = header;
    if (child !== childSessionId(history.sha256, id, callId))
      found.push(finder(id, "J5")("child-wrong", position, `${callId} is answered in ${String(child)}`));
    found.push(...checkResult({ id, events, journals }, callId, journals.get(child ?? "") ?? null));
  }
  return found;
};

type Closing = HeaderOf<"tool-call.completed" | "tool-call.failed">;

const closingsOf = (
  events: readonly JournalEvent[],
  callId: CallId,
): readonly (JournalEvent & { readonly header: Closing })[] =>
  [...eventsOf(events, "tool-call.completed"), ...eventsOf(events, "tool-call.failed")].filter(
    ({ header }) => header.callId === callId,
  );

const checkResult = (
  { id, events }: Place,
  callId: CallId,
  child: readonly JournalEvent[] | null,
): readonly Violation[] => {
  const closings = closingsOf(events, callId);
  const [closing] = closings;
  if (closing === undefined || closings.length > 1)
    return [finder(id, "E3")("child-wrong", null, `${callId} has ${closings.length} results`)];
  const end = child === null ? null : endFor(child, callId);
  const { header, position, payload } = closing;
  const say = finder(id, "E3");
  if (header.spent === null) {
    // Given up: what it does is stopped, wherever it was by then.
    const isOver =
      child === null || child.every((event) => event.header.type !== "run.accepted") || end !== null;
    return isOver ? [] : [finder(id, "E5")("child-left", position, `${callId} was given up, and goes on`)];
  }
  if (end === null || child === null)
    return [say("child-wrong", position, `${callId} has a result, and nobody has answered it`)];
  const found: Violation[] = [];
  if (JSON.stringify(header.spent) !== JSON.stringify(end.header.totals.spend))
    found.push(finder(id, "E8")("child-wrong", position, `${callId} is charged what was not spent`));
  if ((header.type === "tool-call.completed") !== (end.header.type === "run.completed"))
    found.push(say("child-wrong", position, `${callId} is ${header.type}, and its child ${end.header.type}`));
  if (end.header.type !== "run.completed" || header.type !== "tool-call.completed") return found;
  const { answerAt } = end.header;
  const answer = child.find((event) => event.position === answerAt);
  const said = JSON.stringify(payload?.["output"] ?? null);
  const content = JSON.stringify(answer?.payload?.["content"] ?? null);
  const text = /wrote [a-z]+(?: \d+)?/.exec(said)?.[0] ?? "?";
  if (!content.includes(text))
    found.push(say("child-wrong", position, `${callId} has another's answer: ${said}`));
  return found;
};

type End = JournalEvent & { readonly header: HeaderOf<"run.completed" | "run.failed" | "run.cancelled"> };

/** How the run ended that was to answer the call; null when it has not, or never was. */
const endFor = (child: readonly JournalEvent[], callId: CallId): End | null => {
  const accepted = eventsOf(child, "run.accepted").find(({ header }) => header.calledBy?.callId === callId);
  if (accepted === undefined) return null;
  const { runId } = accepted.header;
  const ends = [
    ...eventsOf(child, "run.completed"),
    ...eventsOf(child, "run.failed"),
    ...eventsOf(child, "run.cancelled"),
  ];
  return ends.find(({ header }) => header.runId === runId) ?? null;
};

const tokensIn = (events: readonly JournalEvent[]): { readonly spent: number; readonly crossed: number } => {
  const charges = [...eventsOf(events, "model-call.completed"), ...eventsOf(events, "model-call.failed")];
  const spent = charges.reduce(
    (sum, { header: { charge } }) => sum + charge.usage.inputTokens + charge.usage.outputTokens,
    0,
  );
  const crossed = eventsOf(events, "budget.crossed").reduce((sum, { header }) => sum + header.overTokens, 0);
  return { spent, crossed };
};

/** What a run and all that was asked for it spend is within the run's limit, but for what is said to be beyond it (E8). */
const checkSpending = ({ id, events, journals }: Place): readonly Violation[] =>
  eventsOf(events, "run.started").flatMap(({ header, position }): readonly Violation[] => {
    const limit = header.settings.budget?.maxTokens ?? null;
    if (limit === null) return [];
    const { runId } = header;
    const own = events.filter((event) => "runId" in event.header && event.header.runId === runId);
    const below = [...journals.values()].filter((child) =>
      eventsOf(child, "run.accepted").some((event) => event.header.calledBy?.runId === runId),
    );
    const books = [own, ...below].map(tokensIn);
    const spent = books.reduce((sum, book) => sum + book.spent, 0);
    const crossed = books.reduce((sum, book) => sum + book.crossed, 0);
    return spent <= limit + crossed
      ? []
      : [finder(id, "E8")("budget-passed", position, `${runId} and its children took ${spent} of ${limit}`)];
  });

const ENDS = ["run.completed", "run.failed", "run.cancelled"] as const;

/** What its children told a run that they spent is part of what it says it came to (E8). */
const checkTotals = ({ id, events }: Place): readonly Violation[] =>
  ENDS.flatMap((type) => eventsOf(events, type)).flatMap(({ header, position }): readonly Violation[] => {
    const own = events.filter((event) => "runId" in event.header && event.header.runId === header.runId);
    const told = [...eventsOf(own, "tool-call.completed"), ...eventsOf(own, "tool-call.failed")].reduce(
      (sum, event) => sum + (event.header.spent?.usage.inputTokens ?? 0),
      0,
    );
    const charged = [...eventsOf(own, "model-call.completed"), ...eventsOf(own, "model-call.failed")].reduce(
      (sum, event) => sum + event.header.charge.usage.inputTokens,
      0,
    );
    const { inputTokens } = header.totals.spend.usage;
    return inputTokens === told + charged
      ? []
      : [finder(id, "E8")("child-wrong", position, `it came to ${inputTokens}, not ${charged} and ${told}`)];
  });

/** A child answers one call, and is told what that says. */
const checkChild = ({ id, events, journals }: Place): readonly Violation[] => {
  const [created] = eventsOf(events, "session.created");
  const parent = created?.header.parent ?? null;
  if (parent === null) return [];
  const say = finder(id, "J5");
  const accepted = eventsOf(events, "run.accepted");
  const asked = journals.get(parent) ?? [];
  const held = eventsOf(asked, "tool-call.held").filter(({ header }) => header.child === id);
  if (held.length !== 1) return [say("child-wrong", null, `${held.length} calls are answered here`)];
  if (accepted.length > 1) return [say("child-wrong", null, `it was asked ${accepted.length} times`)];
  const [run] = accepted;
  if (run === undefined) return [];
  const { calledBy } = run.header;
  const isRight = calledBy?.sessionId === parent && calledBy.callId === held[0]?.header.callId;
  return isRight ? [] : [say("child-wrong", run.position, "it answers another call")];
};
