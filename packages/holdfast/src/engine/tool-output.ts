import { toBase64Url } from "../core/base64url.ts";
import { charsIn } from "../core/chars.ts";
import { toFailure } from "../core/failure.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { ToolOutput, UserPart } from "../core/message.ts";
import type { SavedArtifact } from "../ports/artifacts.ts";
import type { Blob } from "../ports/journal-store.ts";
import { MAX_ARTIFACT_BYTES, type SavedFiles } from "./call-artifacts.ts";
import { takeOutFiles } from "./file-blobs.ts";
import type { OutputPlace } from "./tool-attempt.ts";
import { wasErased } from "./was-erased.ts";

/** A result in the form in which it is journaled. */
export type FittedOutput = {
  readonly output: ToolOutput;
  readonly chars: number;
  readonly isCoerced: boolean;
  readonly artifact: JsonObject | null;
  /** The whole of what was cut, as a file that is kept with the result. */
  readonly artifacts: readonly SavedArtifact[];
  readonly blobs: readonly Blob[];
};

/**
 * Makes a result fit the journal: JSON without loss or marked as changed, without secrets (O2), files
 * apart from it, and not longer than the tool's limit. What is longer goes whole into the workspace, and
 * is kept with the result as well; the model gets its head.
 */
export const fitOutput = async (call: OutputPlace, result: ToolOutput): Promise<FittedOutput> => {
  const { value, isCoerced } = toJournalValue(result);
  const output = withValue(value as ToolOutput);
  const apart =
    output.type === "content"
      ? takeOutFiles<UserPart>(output.value, call.services)
      : { parts: [], blobs: [] };
  const fitting = output.type === "content" ? { ...output, value: apart.parts } : output;
  const clean = call.services.redactor.value(fitting as JsonValue) as ToolOutput;
  const text = textOfOutput(clean);
  const files = filesIn(clean);
  if (text.length <= call.tool.maxOutputChars) {
    const chars = charsIn(text) + files.length * FILE_CHARS;
    return { isCoerced, blobs: apart.blobs, output: clean, chars, artifact: null, artifacts: [] };
  }
  const extension = clean.type === "json" ? "json" : "txt";
  const { value: cut, artifact } = await spill(call, text, extension);
  const whole = keepWhole(call, text, extension);
  const shown: ToolOutput =
    files.length === 0
      ? { type: "text", value: cut }
      : { type: "content", value: [{ type: "text", text: cut }, ...files] };
  return {
    isCoerced,
    output: shown,
    chars: charsIn(cut) + files.length * FILE_CHARS,
    artifact,
    artifacts: whole.artifacts,
    blobs: [...apart.blobs, ...whole.blobs],
  };
};

const TYPES = { json: "application/json", txt: "text/plain; charset=utf-8" } as const;

/** The workspace may change, and is in no backup. */
const keepWhole = (
  { callId, services: { sha256 } }: OutputPlace,
  text: string,
  extension: keyof typeof TYPES,
): SavedFiles => {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.byteLength > MAX_ARTIFACT_BYTES) return { artifacts: [], blobs: [] };
  const digest = toBase64Url(sha256(bytes, ""));
  const name = `${callId}.${extension}`;
  return {
    artifacts: [{ name, mediaType: TYPES[extension], bytes: bytes.byteLength, digest }],
    blobs: [{ digest, bytes }],
  };
};

/** A function or a symbol is no JSON at all, and was left out. */
const withValue = (output: ToolOutput): ToolOutput =>
  output.type === "json" && !("value" in output) ? { type: "json", value: null } : output;

/** What a file weighs in the window: the providers' flat rate for an image. */
const FILE_CHARS = 6_000;

const filesIn = (output: ToolOutput): readonly UserPart[] =>
  output.type === "content" ? output.value.filter((part) => part.type === "file") : [];

const textOfOutput = (output: ToolOutput): string => {
  if (output.type === "json") return JSON.stringify(output.value);
  if (output.type !== "content") return output.value;
  return output.value.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
};

const spill = async (
  call: OutputPlace,
  text: string,
  extension: "json" | "txt",
): Promise<{ readonly value: string; readonly artifact: JsonObject | null }> => {
  const head = text.slice(0, call.tool.maxOutputChars).toWellFormed();
  const file = `tool-outputs/${call.callId}.${extension}`;
  const kept = await keep(call, file, text);
  const note = kept.ok
    ? `[Cut at ${head.length} of ${text.length} characters. The whole result is in the workspace file ${file}.]`
    : `[Cut at ${head.length} of ${text.length} characters. The rest could not be kept: ${kept.why}.]`;
  return { value: `${head}\n${note}`, artifact: kept.ok ? { path: file, chars: text.length } : null };
};

type Kept = { readonly ok: true } | { readonly ok: false; readonly why: string };

const keep = async (call: OutputPlace, file: string, text: string): Promise<Kept> => {
  try {
    // J4: what comes late is not put where its session was erased
    if (call.isLate === true && (await wasErased(call, call.callId)))
      return { ok: false, why: "its session was erased" };
    await call.services.workspace(call.sessionId).write(file, text);
    return { ok: true };
  } catch (thrown) {
    return { ok: false, why: toFailure(thrown).message };
  }
};
