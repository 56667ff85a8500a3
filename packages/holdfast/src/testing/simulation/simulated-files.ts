import { toBase64Url } from "../../core/base64url.ts";
import type { JsonValue } from "../../core/json.ts";
import type { FileData, UserPart } from "../../core/message.ts";
import { sha256, type Input, type InputPart } from "../../runtime/index.ts";
import type { Random } from "./random.ts";

/** How many of the inputs are more than words. */
const SHARE_WITH_PARTS = 0.25;

/** What a file weighs in the window: a flat rate, as providers have it. */
const FILE_CHARS = 6_000;

/** The same bytes again wherever they are asked for. */
export const fileBytes = (size: number, kind: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => (index * 7 + kind * 31 + (index >> 8)) & 0xff);

/** Words, and now and then files with them: few and small ones, so that the same come again. */
export const inputOf = (says: string, random: Random): Input => {
  if (!random.chance(SHARE_WITH_PARTS)) return says;
  const text: InputPart = {
    type: "text",
    text: says,
    ...(random.chance(0.2) ? { providerOptions: { some: { cache: true } } } : {}),
  };
  const files = Array.from({ length: random.pick([0, 1, 1, 2]) }, () => filePart(random));
  return random.chance(0.5) ? [text, ...files] : [...files, text];
};

type FileInput = Exclude<InputPart, { readonly type: "text" }>;

const filePart = (random: Random): InputPart => {
  const bytes = fileBytes(random.pick([0, 1, 40, 5_000]), random.between(0, 3));
  const data = random.chance(0.2) ? new URL(`https://files.example/${random.between(1, 9)}`) : bytes;
  return {
    ...random.pick<Omit<FileInput, "data">>([
      { type: "image", mediaType: "image/png" },
      { type: "file", mediaType: "application/pdf", filename: "some.pdf" },
      { type: "file", mediaType: "text/plain", providerOptions: { some: { title: "other" } } },
    ]),
    data,
  };
};

/** One part as a line: words as they are, of a file whatever tells it from another. */
export const partLine = (part: UserPart): string => {
  const more = part.providerMetadata === undefined ? "" : JSON.stringify(part.providerMetadata);
  if (part.type === "text") return `${part.text}${more}`;
  return `<${part.mediaType} ${part.filename ?? "-"} ${dataLine(part.data)}>${more}`;
};

const dataLine = (data: FileData): string => {
  if (data.kind === "blob") return `${data.digest} ${data.bytes}`;
  return data.kind === "url" ? data.url : data.base64;
};

export const digestOf = (bytes: Uint8Array): string => toBase64Url(sha256(bytes, ""));

/** What was sent, as the line that is to stand in the journal and in every prompt. */
export const sentLine = (input: Input): string =>
  typeof input === "string" ? input : input.map((part) => partLine(keptPart(part))).join("");

const keptPart = (part: InputPart): UserPart => {
  const more = part.providerOptions === undefined ? {} : { providerMetadata: part.providerOptions };
  if (part.type === "text") return { type: "text", text: part.text, ...more };
  const name = part.filename === undefined ? {} : { filename: part.filename };
  return { type: "file", mediaType: part.mediaType, ...name, data: keptData(part.data), ...more };
};

const keptData = (data: Uint8Array | URL): FileData =>
  data instanceof URL
    ? { kind: "url", url: data.href }
    : { kind: "blob", digest: digestOf(data), bytes: data.byteLength };

/** What an input, or any list of parts, weighs in the window. */
export const weightOf = (
  parts: string | readonly { readonly type: string; readonly text?: unknown }[],
): number =>
  typeof parts === "string"
    ? parts.length
    : parts.reduce((sum, { text }) => sum + (typeof text === "string" ? text.length : FILE_CHARS), 0);

/** The same of what stands in a journal. */
export const contentLine = (content: JsonValue | undefined): string => {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? (content as readonly UserPart[]).map(partLine).join("") : "?";
};
