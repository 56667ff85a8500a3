import type { JournalEvent } from "../core/event.ts";
import type { StoredEvent } from "../core/hash-chain.ts";
import type { Position, RunId, SessionId, Timestamp } from "../core/ids.ts";
import { openEvent, verifyContent } from "../core/journal-codec.ts";
import { isJsonObject } from "../core/json.ts";
import { promptAttributesIn } from "../core/prompt-attributes.ts";
import { saidIn, type Said } from "../core/said.ts";
import { damagedEvent } from "./open-session.ts";
import type { EngineServices } from "./services.ts";
import { TakenBack } from "./taken-back.ts";

/** Something that was said in a run, or before it. */
export type RunLine = {
  readonly position: Position;
  readonly at: Timestamp;
  /** `user`: whoever talks to the agent; `assistant`: the model, also in what it hands on; `call`: what it called; `tool`: what that gave. */
  readonly who: "user" | "assistant" | "call" | "tool";
  readonly text: string;
  /** Whether it was said before the run. */
  readonly isEarlier: boolean;
};

type Parts = {
  readonly store: Pick<EngineServices["store"], "readAt">;
  readonly sha256: EngineServices["sha256"];
};

type WhichRun = {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  /** Where the run has its end. */
  readonly endAt: Position;
};

/** Events that are read at once, from the end of the run backwards. */
const PAGE = 50;
/** So many at once where each can be as long as a result is: 32 MiB. */
const FEW = 5;

/**
 * What was said in a run that is over, in its order, and a little of what was said before it; nothing where any of the run was
 * erased (J4), or where an agent and not a user began it. What was taken back is not in it (E5).
 */
export const runLines = async (parts: Parts, run: WhichRun): Promise<readonly RunLine[]> => {
  const { runId, endAt } = run;
  const read: JournalEvent[] = [];
  const takenBack = new TakenBack();
  for (let to = endAt; to > 0 && !beginsIn(read, runId); to -= PAGE) {
    const page = await readPage(parts, run, { to, most: PAGE });
    read.unshift(...page);
  }
  for (const { header } of read) takenBack.add(header);
  const joined = joinedIn(read, runId);
  const isOwn = ({ header }: JournalEvent): boolean => "runId" in header && joined.has(header.runId);
  const own = read.filter(isOwn);
  const inputs = own.filter(({ header }) => header.type === "run.accepted");
  // J4: a journal is erased from its beginning, so of what else was erased an input was too
  if (inputs.some(({ payload }) => payload === null)) return [];
  if (inputs.some(({ header }) => header.type === "run.accepted" && header.calledBy !== null)) return [];
  return read.flatMap((event) => {
    if (event.payload === null || takenBack.has("runId" in event.header ? event.header.runId : null))
      return [];
    return saidIn(event).flatMap((said) => lineOf(event, said, !isOwn(event)));
  });
};

/** Events that are looked through for what tools gave. */
const MOST_LOOKED_THROUGH = 2_000;

/**
 * All that an agent had from others than its user up to the end of a run, uncut: what tools gave, in earlier runs too, what the
 * application said of an input, and answers in which a provider's own tools were at work. Of a session that is longer than what is looked through, what the agent said
 * besides: nobody knows where it has it from.
 */
export async function* textsOfOthers(parts: Parts, run: Omit<WhichRun, "runId">): AsyncGenerator<string> {
  const isWhole = run.endAt <= MOST_LOOKED_THROUGH;
  for (let to = run.endAt; to > 0 && run.endAt - to < MOST_LOOKED_THROUGH; to -= FEW)
    for (const event of await readPage(parts, run, { to, most: FEW }))
      if (event.payload !== null)
        yield* hasProviderTools(event) ? [JSON.stringify(event.payload)] : othersIn(event, isWhole);
}

const othersIn = (event: JournalEvent, isWhole: boolean): readonly string[] => {
  const said = saidIn(event).flatMap(({ kind, text }) =>
    kind === "result" || (kind === "answer" && !isWhole) ? [text] : [],
  );
  // K8: what the application said of an input is not the user's own
  const attributes = promptAttributesIn(event.payload);
  return attributes === null ? said : [...said, JSON.stringify(attributes)];
};

/** What such a tool found stands in no result of its own, and is in the words of the answer. */
const hasProviderTools = ({ header, payload }: JournalEvent): boolean => {
  if (header.type !== "model-call.completed") return false;
  const content = payload?.["content"];
  const parts = Array.isArray(content) ? content.filter(isJsonObject) : [];
  return parts.some((part) => part["type"] === "provider-tool-result" || part["providerExecuted"] === true);
};

/** The run, and the inputs that joined it. */
const joinedIn = (read: readonly JournalEvent[], runId: RunId): ReadonlySet<RunId> =>
  new Set([
    runId,
    ...read.flatMap(({ header }) =>
      header.type === "run.steered" && header.runId === runId ? [header.steerId] : [],
    ),
  ]);

/** Whether all that the run has taken in is there. */
const beginsIn = (read: readonly JournalEvent[], runId: RunId): boolean => {
  const accepted = new Set(
    read.flatMap(({ header }) => (header.type === "run.accepted" ? [header.runId] : [])),
  );
  return [...joinedIn(read, runId)].every((each) => accepted.has(each));
};

const readPage = async (
  { store, sha256 }: Parts,
  { sessionId }: Pick<WhichRun, "sessionId">,
  { to, most }: { readonly to: Position; readonly most: number },
): Promise<readonly JournalEvent[]> => {
  const from = Math.max(1, to - most + 1);
  const positions = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const stored: readonly StoredEvent[] = await store.readAt(sessionId, positions);
  for (const each of stored) {
    const problem = verifyContent(sha256, each);
    // J4: damaged content reaches no model
    if (problem !== null) throw damagedEvent(sessionId, each.position, problem);
  }
  return stored.map(openEvent);
};

const lineOf = (
  { header, position, at }: JournalEvent,
  { kind, text }: Said,
  isEarlier: boolean,
): readonly RunLine[] => {
  const told = { position, at, text, isEarlier };
  switch (kind) {
    case "input":
      // What an agent hands on to another is its own words.
      return [{ ...told, who: header.type === "run.accepted" ? "user" : "assistant" }];
    case "answer":
      return [{ ...told, who: "assistant" }];
    case "call":
      return [{ ...told, who: "call" }];
    case "result":
      return [{ ...told, who: "tool" }];
    case "note":
      return [];
  }
};
