/** What a body is read as. */
export type ContentKind = "html" | "text" | "other";

export type ContentType = {
  /** In small letters, without parameters; empty when the server said nothing. */
  readonly mediaType: string;
  readonly charset: string | null;
  readonly kind: ContentKind;
};

/** Media types that are text although they do not begin with `text/`, apart from `…+json` and `…+xml`. */
const TEXT_TYPES: ReadonlySet<string> = new Set([
  "application/json",
  "application/xml",
  "application/javascript",
  "application/ecmascript",
  "application/x-ndjson",
  "application/jsonl",
  "application/yaml",
  "application/x-yaml",
  "application/toml",
  "application/sql",
]);

/** Reads a `Content-Type` header; a server that sends none is taken to send bytes. Total. */
export const parseContentType = (header: string): ContentType => {
  const [type = "", ...parameters] = header.split(";");
  const mediaType = type.trim().toLowerCase();
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([\w.:-]{1,40})"?\s*$/i.exec(parameter)?.[1])
    .find((found) => found !== undefined);
  return { mediaType, charset: charset ?? null, kind: kindOf(mediaType) };
};

const kindOf = (mediaType: string): ContentKind => {
  if (mediaType === "text/html" || mediaType === "application/xhtml+xml") return "html";
  const isText = mediaType.startsWith("text/") || TEXT_TYPES.has(mediaType);
  return isText || /^application\/.+\+(?:json|xml)$/.test(mediaType) || mediaType === "image/svg+xml"
    ? "text"
    : "other";
};
