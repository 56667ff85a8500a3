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
  readonly store: Pick<EngineServices["store"], "read" | "readAt">;
  readonly sha256: EngineServices["sha256"];
};

type WhichRun = {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  /** Where the run has its end. */
  readonly endAt: Position;
};

/** Headers that are read at once, from the end of the run backwards. */
const PAGE = 50;
/** So many at once where each can be as long as a result is: 32 MiB. */
const FEW = 5;

/** Tells one line after another, the last first; false where nothing of what was told may be used. */
export type RunTelling = (tell: (line: RunLine) => void) => Promise<boolean>;

/**
 * What was said in a run that is over, and a little of what was said before it: read when it is told, so that of a long run nothing
 * more is held. Nothing of it may be used where any of the run was erased (J4), or where an agent and not a user began it. What was
 * taken back is not in it (E5).
 */
export const runLines = async (parts: Parts, run: WhichRun): Promise<RunTelling> => {
  const outline = await outlineOf(parts, run);
  return async (tell) => {
    if (!outline.isOfUser) return false;
    const { from } = outline;
    for (let to = run.endAt; to >= from; to -= FEW) {
      const page = await readPage(parts, run, { to, most: Math.min(FEW, to - from + 1) });
      for (const event of page.toReversed()) {
        const lines = linesIn(event, outline);
        if (lines === "erased") return false;
        for (const line of lines.toReversed()) tell(line);
      }
    }
    return true;
  };
};

const linesIn = (event: JournalEvent, { joined, takenBack }: Outline): readonly RunLine[] | "erased" => {
  const { header, payload } = event;
  const runId = "runId" in header ? header.runId : null;
  const isOwn = runId !== null && joined.has(runId);
  // J4: a journal is erased from its beginning, so of what else was erased an input was too
  if (payload === null && isOwn && header.type === "run.accepted") return "erased";
  if (payload === null || takenBack.has(runId)) return [];
  return saidIn(event).flatMap((said) => lineOf(event, said, !isOwn));
};

/** What the headers say of a run: where it is begun to be read, what is part of it, and whether users alone have begun it. */
type Outline = {
  readonly from: Position;
  /** The run, and the inputs that joined it. */
  readonly joined: ReadonlySet<RunId>;
  readonly takenBack: TakenBack;
  readonly isOfUser: boolean;
};

const outlineOf = async ({ store }: Parts, { sessionId, runId, endAt }: WhichRun): Promise<Outline> => {
  const takenBack = new TakenBack();
  const joined = new Set([runId]);
  /** Which inputs there are, and whether an agent gave them. */
  const accepted = new Map<RunId, boolean>();
  let from = endAt + 1;
  // Back to where all that the run has taken in is there.
  while (from > 1 && ![...joined].every((each) => accepted.has(each))) {
    const after = Math.max(0, from - 1 - PAGE);
    const page = await store.read(sessionId, after, { limit: from - 1 - after, omitPayload: true });
    for (const { header } of page.map(openEvent)) {
      takenBack.add(header);
      if (header.type === "run.steered" && header.runId === runId) joined.add(header.steerId);
      if (header.type === "run.accepted") accepted.set(header.runId, header.calledBy !== null);
    }
    from = after + 1;
  }
  const isOfUser = [...joined].every((each) => accepted.get(each) !== true);
  return { from, joined, takenBack, isOfUser };
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
