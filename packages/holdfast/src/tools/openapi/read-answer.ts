import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { Workspace } from "../../ports/tool.ts";
import { hideSecrets } from "./hide-secrets.ts";
import { readBytes } from "./read-bytes.ts";

export type AnswerSettings = {
  readonly maxBytes: number;
  readonly workspace: Workspace;
  /** Names the file that an answer goes to, but for its ending. */
  readonly fileName: string;
  readonly secrets: readonly string[];
};

/** What a tool returns of an answer: JSON as such, text as text, and of bytes where they are in the workspace. */
export const readAnswer = async (
  response: Response,
  method: string,
  settings: AnswerSettings,
): Promise<JsonValue> => {
  const { secrets } = settings;
  if (method === "HEAD") return { status: response.status, headers: headersOf(response, secrets) };
  const { bytes, isCut } = await readBytes(response, settings.maxBytes);
  if (bytes.length === 0) return emptyAnswer(response, secrets);
  const type = response.headers.get("content-type") ?? "";
  const kind = kindOf(type, bytes);
  if (kind === "bytes")
    return saved(response, { content: bytes, isCut, extension: extensionOf(type) }, settings);
  const text = hideSecrets(decode(bytes, type), secrets);
  if (isCut)
    return saved(response, { content: text, isCut, extension: kind === "json" ? "json" : "txt" }, settings);
  return kind === "json" ? parsed(text) : text;
};

const parsed = (text: string): JsonValue => {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
};

const TOLD_HEADERS = ["content-type", "content-length", "etag", "last-modified", "location", "link", "allow"];

const headersOf = (response: Response, secrets: readonly string[]): JsonObject =>
  Object.fromEntries(
    TOLD_HEADERS.flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, hideSecrets(value, secrets)]];
    }),
  );

const emptyAnswer = (response: Response, secrets: readonly string[]): JsonObject => {
  const location = response.headers.get("location");
  return {
    status: response.status,
    ...(location === null ? {} : { location: hideSecrets(location, secrets) }),
  };
};

type Kind = "json" | "text" | "bytes";

const kindOf = (contentType: string, bytes: Buffer): Kind => {
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  if (/[/+]json$/.test(type)) return "json";
  if (/^text\/|[/+](xml|yaml|javascript|csv|graphql|x-www-form-urlencoded|x-ndjson|jsonl)$/.test(type))
    return "text";
  if (type !== "") return "bytes";
  // Nothing was said: text is what can be read as such.
  return bytes.equals(Buffer.from(bytes.toString("utf8"))) ? "text" : "bytes";
};

const decode = (bytes: Buffer, contentType: string): string => {
  const charset = /charset="?([\w-]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return bytes.toString("utf8");
  }
};

const EXTENSIONS: Readonly<Record<string, string>> = { jpeg: "jpg", "svg+xml": "svg", "octet-stream": "bin" };

const extensionOf = (contentType: string): string => {
  const subtype = /^[\w.+-]+\/(?:x-)?([\w+-]+)/.exec(contentType.toLowerCase())?.[1] ?? "bin";
  return EXTENSIONS[subtype] ?? (subtype.length <= 8 ? subtype.replaceAll(/\W/g, "") : "bin");
};

type Content = { readonly content: string | Buffer; readonly isCut: boolean; readonly extension: string };

const HEAD_CHARS = 4_000;

const saved = async (
  response: Response,
  { content, isCut, extension }: Content,
  { workspace, fileName, maxBytes }: AnswerSettings,
): Promise<JsonObject> => {
  const file = `${fileName}.${extension}`;
  await workspace.write(file, content);
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "unknown",
    file,
    bytes: Buffer.byteLength(content),
    ...(isCut
      ? {
          note: `The answer was longer than ${maxBytes} bytes: only its beginning was read, and is in the file.`,
        }
      : {}),
    ...(typeof content === "string" ? { head: content.slice(0, HEAD_CHARS).toWellFormed() } : {}),
  };
};
