import { createHash } from "node:crypto";

/** One part of a body of several. */
export type Part = {
  readonly name: string;
  readonly content: Uint8Array;
  /** Null where it is plain text. */
  readonly contentType: string | null;
  readonly filename: string | null;
};

/** Parts as one body, with the media type that says where each ends (RFC 7578). */
export const encodeMultipart = (
  parts: readonly Part[],
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly contentType: string } => {
  // A digest of all that is sent is in none of it.
  const digest = createHash("sha256");
  for (const { name, content } of parts) digest.update(name).update("\0").update(content);
  const boundary = `holdfast-${digest.digest("hex").slice(0, 40)}`;
  const pieces = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\n${headersOf(part)}\r\n\r\n`),
    part.content,
    Buffer.from("\r\n"),
  ]);
  const bytes = Uint8Array.from(Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]));
  return { bytes, contentType: `multipart/form-data; boundary=${boundary}` };
};

const headersOf = ({ name, contentType, filename }: Part): string => {
  const file = filename === null ? "" : `; filename="${quoted(filename)}"`;
  const type = contentType === null ? "" : `\r\nContent-Type: ${contentType.replaceAll(/[\r\n]/g, " ")}`;
  return `Content-Disposition: form-data; name="${quoted(name)}"${file}${type}`;
};

/** As browsers write them: nothing in a name ends the header. */
const quoted = (text: string): string =>
  text.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22");
