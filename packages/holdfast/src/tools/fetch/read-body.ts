import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { ToolError } from "../../core/errors.ts";

export type BodyLimits = { readonly encoding: string; readonly maxBytes: number };

/** Encodings that are asked for and understood. */
export const ACCEPT_ENCODING = "gzip, deflate, br, zstd";

/**
 * All bytes of a body, unpacked. Bytes are counted as they come and as they are unpacked, and neither count may pass `maxBytes`: a
 * small body that unpacks to a great one is stopped there, and so is an endless one that unpacks to nothing.
 *
 * @throws ToolError when it is longer, or packed in a way that is not understood.
 */
export const readBody = async (body: Readable, { encoding, maxBytes }: BodyLimits): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  const count = (stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> => counted(stream, maxBytes);
  const keep = async (stream: AsyncIterable<unknown>): Promise<void> => {
    for await (const chunk of count(stream)) chunks.push(chunk);
  };
  try {
    const unpack = unpackerOf(encoding);
    await (unpack === null ? keep(body) : pipeline(body, count, unpack, keep));
  } finally {
    letGo(body);
  }
  return Buffer.concat(chunks);
};

/** Ends a stream whose rest nobody wants; that it was cut is no news then. */
export const letGo = (stream: Readable): void => {
  stream.on("error", () => {});
  stream.destroy();
};

async function* counted(stream: AsyncIterable<unknown>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) continue;
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLong(maxBytes);
    yield chunk;
  }
}

const unpackerOf = (encoding: string) => {
  switch (encoding.trim().toLowerCase()) {
    case "":
    case "identity":
      return null;
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      throw new ToolError("The server sent a body that is packed in a way that is not understood.", {
        retryable: false,
        details: { reason: "encoding" },
      });
  }
};

export const tooLong = (maxBytes: number): ToolError =>
  new ToolError(`The body is longer than ${maxBytes} bytes, and was not read to its end.`, {
    retryable: false,
    hint: 'Raise "maxBytes" of fetchTool if such bodies are to be read.',
    details: { reason: "too-long", maxBytes },
  });
