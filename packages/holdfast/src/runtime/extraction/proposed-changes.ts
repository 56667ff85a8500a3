import type { RunLine } from "../../engine/run-lines.ts";
import type {
  MemoryChange,
  MemoryRecord,
  MemoryScope,
  MemorySource,
  MemoryStore,
  MemoryViewer,
} from "../../ports/memory-store.ts";
import type { Proposal } from "./extraction-agent.ts";
import { isBackedBy, type Words } from "./is-backed-by.ts";

/** Where a conversation belongs: all of it from the session, nothing from the model. */
export type ExtractionPlace = {
  readonly viewer: MemoryViewer;
  readonly scope: MemoryScope;
  readonly sessionId: string;
};

type Parts = {
  readonly memory: Pick<MemoryStore, "history">;
  readonly place: ExtractionPlace;
  /** What was said, by the journal. */
  readonly lines: readonly RunLine[];
  /** What the user said. */
  readonly byUser: Words;
  /** What the agent had from others than the user, uncut: more than the lines show. */
  readonly byOthers: Words;
};

/** What is to be done, and why the rest is not. */
export type Considered = {
  readonly changes: readonly MemoryChange[];
  readonly refused: readonly string[];
};

const MAX_TEXT_CHARS = 20_000;
const MAX_SUBJECT_CHARS = 500;
const MAX_CHANGES = 200;
/** Of the words that a memory is backed by. */
const MAX_CONTEXT_CHARS = 2_000;

/** Holds what the model proposes against the journal and the memory: what is not said there is not remembered. */
export const consider = async (proposals: readonly Proposal[], parts: Parts): Promise<Considered> => {
  const changes: MemoryChange[] = [];
  const refused: string[] = [];
  for (const proposal of proposals.slice(0, MAX_CHANGES)) {
    if (!isWanted(proposal)) continue;
    const answer = await changeFor(proposal, parts);
    if (typeof answer === "string") refused.push(answer);
    else changes.push(answer);
  }
  return { changes, refused };
};

type Wanted = Proposal & { readonly do: "add" | "supersede" | "correct" };

const isWanted = (proposal: Proposal): proposal is Wanted => proposal.do !== "ignore";

/** A change, or why there is none. */
const changeFor = async (proposal: Wanted, parts: Parts): Promise<MemoryChange | string> => {
  const { memory, place, lines, byUser, byOthers } = parts;
  const evidence = evidenceFor(proposal, lines);
  if (evidence === null) return "it names no line of this conversation that says so";
  const text = wellFormed(proposal.text, MAX_TEXT_CHARS);
  if (text === null) return "it has no text, or too much of it";
  const said = saying(evidence, { text, byUser, byOthers, sessionId: place.sessionId });
  const current = proposal.do === "add" ? undefined : await currentOf(memory, place, proposal.id);
  if (current !== undefined && current.seenAt > said.seenAt) return "something newer is known of it";
  if (current !== undefined && said.isTrusted && proposal.do !== "add") {
    const { source, origin, isTrusted } = said;
    return { do: proposal.do, id: current.id, text, source, origin, isTrusted };
  }
  // What is not to be trusted takes nobody's place, and what is not there is none to take.
  return {
    do: "add",
    memory: {
      ...said,
      scope: place.scope,
      kind: proposal.kind ?? current?.kind ?? "fact",
      subject: wellFormed(proposal.subject, MAX_SUBJECT_CHARS) ?? current?.subject ?? null,
    },
  };
};

const wellFormed = (text: string | null, most: number): string | null => {
  const plain = text?.toWellFormed().replaceAll("\0", "").trim() ?? "";
  return plain === "" || plain.length > most ? null : plain;
};

/** The lines that are named; null where one of them is not there, or none is of this run. */
const evidenceFor = ({ evidence }: Proposal, lines: readonly RunLine[]): readonly RunLine[] | null => {
  const named = new Set(evidence);
  const found = lines.filter(({ position }) => named.has(position));
  const isThere = [...named].every((position) => found.some((line) => line.position === position));
  return isThere && found.some(({ isEarlier }) => !isEarlier) ? found : null;
};

type Said = {
  readonly text: string;
  readonly context: string;
  readonly source: MemorySource;
  readonly origin: "model" | "tool";
  readonly isTrusted: boolean;
  readonly seenAt: number;
};

const saying = (
  evidence: readonly RunLine[],
  {
    text,
    sessionId,
    ...said
  }: Pick<Parts, "byUser" | "byOthers"> & { readonly text: string; readonly sessionId: string },
): Said => {
  const news = evidence.filter(({ isEarlier }) => !isEarlier);
  const first = news.find(({ who }) => who === "user") ?? news[0];
  const isOfTool = evidence.some(({ who }) => who === "tool");
  return {
    text,
    context: evidence
      .map((line) => `${line.who}: ${line.text.toWellFormed().trim()}`)
      .join("\n")
      .slice(0, MAX_CONTEXT_CHARS)
      .toWellFormed(),
    source: { sessionId, position: first?.position ?? 0 },
    origin: isOfTool ? "tool" : "model",
    isTrusted:
      !isOfTool &&
      /* guard S1: only what the user said is trusted (K8) */ isBackedBy(text, { evidence, ...said }),
    seenAt: news.reduce((last, { at }) => Math.max(last, at), 0),
  };
};

/** What is current of a record that the model names; only of this user's own, and of no chain that nobody sees. */
const currentOf = async (
  memory: Parts["memory"],
  { viewer, scope }: ExtractionPlace,
  id: string | null,
): Promise<MemoryRecord | undefined> => {
  const current = id === null ? undefined : (await memory.history(viewer, id)).at(-1);
  return current !== undefined && isOwn(current.scope, scope) ? current : undefined;
};

/** What everybody of a tenant reads is not changed by what one of them said. */
export const isOwn = (found: MemoryScope, own: MemoryScope): boolean =>
  found.user === own.user &&
  found.agent === own.agent &&
  found.session === own.session &&
  found.namespace === own.namespace;
