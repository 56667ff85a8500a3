import { toBase64Url } from "../core/base64url.ts";
import { NotFoundError, StoreError } from "../core/errors.ts";
import type { JournalEvent } from "../core/event.ts";
import type { Sha256, StoredEvent } from "../core/hash-chain.ts";
import type { CallId, Position, RunId, SessionId, Timestamp } from "../core/ids.ts";
import { openEvent, verifyContent } from "../core/journal-codec.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { damagedEvent } from "../engine/open-session.ts";
import type { JournalStore } from "../ports/journal-store.ts";

/** A file of a session: saved by a tool, part of a result, sent with an input, or made by the model. */
export type Artifact = {
  /** Null where it came without one. */
  readonly name: string | null;
  readonly mediaType: string;
  /** How many. */
  readonly bytes: number;
  /** SHA-256 of the bytes, base64url. */
  readonly digest: string;
  readonly from: "tool" | "input" | "answer";
  /** The call whose result it came with; null where it came with none. */
  readonly callId: CallId | null;
  readonly runId: RunId | null;
  /** Of the event that it came with. */
  readonly position: Position;
  readonly at: Timestamp;
};

export type ArtifactFile = Artifact & { readonly content: Uint8Array };

type Source = { readonly store: JournalStore; readonly sha256: Sha256 };
/** Small files stand in their event, and not apart from it. */
type Found = { readonly artifact: Artifact; readonly inline: Uint8Array | null };

const PAGE = 200;

/** Every file that a session has, the oldest first. @throws StoreError `STORE_DAMAGED` where an event is not what was written. */
export const artifactsOf = async (source: Source, sessionId: SessionId): Promise<readonly Artifact[]> =>
  (await find(source, sessionId)).map(({ artifact }) => artifact);

/** The last file with this digest or name, and its bytes, which are those that were stored (J4). */
export const artifactOf = async (
  source: Source,
  sessionId: SessionId,
  which: string,
): Promise<ArtifactFile> => {
  const all = await find(source, sessionId);
  const found =
    all.findLast(({ artifact }) => artifact.digest === which) ??
    all.findLast(({ artifact }) => artifact.name === which);
  if (found === undefined)
    throw new NotFoundError("ARTIFACT_NOT_FOUND", `Session ${sessionId} has no file "${which}".`, {
      hint: "`session.artifacts()` lists what it has.",
      details: { sessionId },
    });
  const { artifact, inline } = found;
  const content = inline ?? (await source.store.readBlob(sessionId, artifact.digest));
  if (content === undefined) throw damagedFile(sessionId, artifact, "it is gone");
  // guard J4: bytes that were changed are not given out
  if (toBase64Url(source.sha256(content, "")) !== artifact.digest)
    throw damagedFile(sessionId, artifact, "its bytes do not match its digest");
  return { ...artifact, content };
};

const damagedFile = (sessionId: SessionId, { digest, position }: Artifact, what: string): StoreError =>
  new StoreError(
    "STORE_DAMAGED",
    `The file ${digest} of session ${sessionId}, event ${position}, is damaged: ${what}.`,
    { hint: "Run `holdfast doctor` to see what can be saved.", details: { sessionId, position, digest } },
  );

const find = async ({ store, sha256 }: Source, sessionId: SessionId): Promise<readonly Found[]> => {
  const found: Found[] = [];
  for (let after: Position = 0; ;) {
    const page = await store.read(sessionId, after, { limit: PAGE });
    for (const stored of page) {
      if (!mayHoldFiles(stored)) continue;
      const problem = verifyContent(sha256, stored);
      // guard J4: what a damaged event says of files is not believed
      if (problem !== null) throw damagedEvent(sessionId, stored.position, problem);
      found.push(...filesIn(openEvent(stored), sha256));
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return found;
    after = last.position;
  }
};

/** Most events hold none, and need not be read for that. */
const mayHoldFiles = ({ payload }: StoredEvent): boolean =>
  payload !== null && (payload.includes('"type":"file"') || payload.includes('"artifacts":'));

const filesIn = (event: JournalEvent, sha256: Sha256): readonly Found[] => {
  const { header, payload, position, at } = event;
  const place = { callId: null, runId: "runId" in header ? header.runId : null, position, at };
  switch (header.type) {
    case "run.accepted":
      return partsIn(payload?.["content"], { ...place, from: "input" }, sha256);
    case "model-call.completed":
      return partsIn(payload?.["content"], { ...place, from: "answer" }, sha256);
    case "tool-call.completed":
      return resultFiles(payload, { ...place, callId: header.callId, from: "tool" }, sha256);
    default:
      return [];
  }
};

type Place = Pick<Artifact, "from" | "callId" | "runId" | "position" | "at">;

/** What was saved, and what the result is made of; a file that is both is one. */
const resultFiles = (payload: JsonObject | null, place: Place, sha256: Sha256): readonly Found[] => {
  const saved = savedIn(payload?.["artifacts"], place);
  const output = payload?.["output"];
  const content = isJsonObject(output) && output["type"] === "content" ? output["value"] : undefined;
  const parts = partsIn(content, place, sha256);
  const isSaved = ({ artifact }: Found): boolean =>
    saved.some((one) => one.artifact.digest === artifact.digest);
  return [...saved, ...parts.filter((part) => !isSaved(part))];
};

const savedIn = (artifacts: JsonValue | undefined, place: Place): readonly Found[] =>
  objectsIn(artifacts).flatMap(({ name, mediaType, bytes, digest }) =>
    typeof name === "string" &&
    typeof mediaType === "string" &&
    typeof bytes === "number" &&
    typeof digest === "string"
      ? [{ artifact: { name, mediaType, bytes, digest, ...place }, inline: null }]
      : [],
  );

const partsIn = (content: JsonValue | undefined, place: Place, sha256: Sha256): readonly Found[] =>
  objectsIn(content).flatMap((part): readonly Found[] => {
    const { type, mediaType, filename, data } = part;
    if (type !== "file" || typeof mediaType !== "string" || !isJsonObject(data)) return [];
    const label = { name: typeof filename === "string" ? filename : null, mediaType };
    const { kind, digest, bytes, base64 } = data;
    if (kind === "blob" && typeof digest === "string" && typeof bytes === "number")
      return [{ artifact: { ...label, bytes, digest, ...place }, inline: null }];
    if (kind !== "base64" || typeof base64 !== "string") return [];
    const inline = Buffer.from(base64, "base64");
    const named = { bytes: inline.byteLength, digest: toBase64Url(sha256(inline, "")) };
    return [{ artifact: { ...label, ...named, ...place }, inline }];
  });

const objectsIn = (value: JsonValue | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];
