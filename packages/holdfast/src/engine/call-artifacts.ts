import { toBase64Url } from "../core/base64url.ts";
import { HoldfastError } from "../core/errors.ts";
import type { Artifacts, NewArtifact, SavedArtifact } from "../ports/artifacts.ts";
import type { Blob } from "../ports/journal-store.ts";
import type { Workspace } from "../ports/tool.ts";
import { holdsSecret } from "./file-blobs.ts";
import type { EngineServices } from "./services.ts";

const MIB = 1024 * 1024;
/** They are held in memory until the result is recorded. */
export const MAX_ARTIFACT_BYTES = 32 * MIB;
const MAX_CALL_BYTES = 64 * MIB;
const MAX_FILES = 50;
const MAX_NAME_CHARS = 200;

/** What a call saved, in the form in which it is journaled with its result. */
export type SavedFiles = { readonly artifacts: readonly SavedArtifact[]; readonly blobs: readonly Blob[] };

type Place = {
  readonly workspace: Workspace;
  readonly services: Pick<EngineServices, "sha256" | "redactor">;
};

type Saved = { readonly artifact: SavedArtifact; readonly bytes: Uint8Array };

/** Gathers what one attempt of a call saves, until its result is there. */
export class CallArtifacts implements Artifacts {
  readonly #place: Place;
  readonly #saved = new Map<string, Saved>();
  readonly #saving = new Set<Promise<SavedArtifact>>();
  /** Files of the workspace are read one after the other: each is held whole until it is known whether it is kept. */
  #read: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(place: Place) {
    this.#place = place;
  }

  async save(file: NewArtifact): Promise<SavedArtifact> {
    const saving = this.#save(file);
    this.#saving.add(saving);
    try {
      return await saving;
    } finally {
      this.#saving.delete(saving);
    }
  }

  /** What there is to record. What is still being saved is waited for, what comes later is refused. */
  async finish(): Promise<SavedFiles> {
    while (this.#saving.size > 0) await Promise.allSettled(this.#saving);
    this.#isOver = true;
    const saved = [...this.#saved.values()];
    return {
      artifacts: saved.map(({ artifact }) => artifact),
      blobs: saved.map(({ artifact, bytes }) => ({ digest: artifact.digest, bytes })),
    };
  }

  async #save(file: NewArtifact): Promise<SavedArtifact> {
    const { name, mediaType } = readLabel(file);
    // What is saved when the result is there would be in no commit.
    if (this.#isOver)
      throw invalid(`"${name}" came when the call was over`, "Wait for `save` before you return.");
    const bytes = await this.#bytesOf(file);
    this.#checkRoom(name, bytes.byteLength);
    const { sha256, redactor } = this.#place.services;
    const label = `${name}\n${mediaType}`;
    // guard O2: bytes cannot be mended, so a file that holds a secret is not kept
    if (redactor.text(label) !== label || holdsSecret(redactor, bytes))
      throw invalid(
        "a file with a secret in it is not kept",
        "Leave the secret out of the file and of its name.",
      );
    const artifact = { name, mediaType, bytes: bytes.byteLength, digest: toBase64Url(sha256(bytes, "")) };
    this.#saved.set(name, { artifact, bytes });
    return artifact;
  }

  async #bytesOf(file: NewArtifact): Promise<Uint8Array> {
    const { content, path } = file as { readonly content?: unknown; readonly path?: unknown };
    if ((content === undefined) === (path === undefined))
      throw invalid(`"${file.name}" has neither or both of "content" and "path"`);
    if (typeof path === "string") return this.#readFile(path);
    if (typeof content === "string") return Buffer.from(content, "utf8");
    // A copy: what the tool does with its bytes afterwards does not change what was named by their digest.
    if (content instanceof Uint8Array) return new Uint8Array(sized(file.name, content));
    throw invalid(`the content of "${file.name}" is neither text nor bytes`);
  }

  #readFile(path: string): Promise<Uint8Array> {
    const read = () => this.#place.workspace.read(path, { maxBytes: MAX_ARTIFACT_BYTES + 1 });
    // One that could not be read is no reason not to read the next.
    const reading = this.#read.then(read, read);
    this.#read = reading;
    return reading;
  }

  #checkRoom(name: string, bytes: number): void {
    const others = [...this.#saved.values()].filter(({ artifact }) => artifact.name !== name);
    const total = others.reduce((sum, { artifact }) => sum + artifact.bytes, bytes);
    if (bytes > MAX_ARTIFACT_BYTES) throw overSize(name);
    if (total > MAX_CALL_BYTES)
      throw tooLarge(`with "${name}" this call would keep ${total} bytes; ${MAX_CALL_BYTES} is the most`);
    if (others.length >= MAX_FILES) throw tooLarge(`a call keeps ${MAX_FILES} files at most`);
  }
}

const sized = (name: string, content: Uint8Array): Uint8Array => {
  if (content.byteLength <= MAX_ARTIFACT_BYTES) return content;
  throw overSize(name);
};

/** Nothing that is a path, or that a terminal or a reader could take for something else. */
const BAD_NAME = /[\p{Cc}\p{Bidi_Control}\u2028\u2029/\\]/u;
const MEDIA_TYPE =
  /^[a-z0-9][\w.+-]{0,99}\/[a-z0-9][\w.+-]{0,99}( ?; ?[\w.+-]{1,50}=("[\w.+ -]{0,99}"|[\w.+-]{1,99}))*$/i;

const readLabel = (file: NewArtifact): Pick<SavedArtifact, "name" | "mediaType"> => {
  if (typeof file !== "object" || file === null) throw invalid("it is not described by an object");
  const { name, mediaType } = file;
  if (typeof name !== "string" || name.trim() === "" || name.length > MAX_NAME_CHARS)
    throw invalid(`a name has 1 to ${MAX_NAME_CHARS} characters`);
  if (BAD_NAME.test(name) || !name.isWellFormed() || name === "." || name === "..")
    throw invalid(`${JSON.stringify(name)} is no name of a file`, "Give the name alone, without a folder.");
  if (typeof mediaType !== "string" || !MEDIA_TYPE.test(mediaType))
    throw invalid(
      `"${name}" has no media type`,
      "For example application/pdf, or text/plain; charset=utf-8.",
    );
  return { name, mediaType };
};

const invalid = (why: string, hint?: string): HoldfastError =>
  new HoldfastError("ARTIFACT_INVALID", `The file was not saved: ${why}.`, {
    retryable: false,
    ...(hint === undefined ? {} : { hint }),
  });

const overSize = (name: string): HoldfastError =>
  tooLarge(`"${name}" has more than ${MAX_ARTIFACT_BYTES} bytes`);

const tooLarge = (why: string): HoldfastError =>
  new HoldfastError("ARTIFACT_TOO_LARGE", `The file was not saved: ${why}.`, {
    retryable: false,
    hint: "Keep less of it, or leave it in the workspace and tell its path.",
  });
