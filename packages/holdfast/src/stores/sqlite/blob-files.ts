import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SessionId } from "../../core/ids.ts";
import type { Blob } from "../../ports/journal-store.ts";
import { syncFolder } from "./sync-path.ts";

/** Larger blobs are files: in the database they would make every commit beside them wait. */
export const MAX_INLINE_BYTES = 1024 * 1024;

/** Lower case only: file systems that do not tell cases apart must not let two sessions share a folder. */
const PLAIN_ID = /^[a-z0-9][a-z0-9-]{0,79}$/;

/** One folder a session: blobs are never shared between sessions. */
export const blobFolder = (dataDir: string, sessionId: SessionId): string =>
  join(dataDir, "blobs", PLAIN_ID.test(sessionId) ? sessionId : `_${shortHash(sessionId)}`);

/** Digests are base64url, where case matters: hex is safe on every file system. */
export const blobPath = (dataDir: string, sessionId: SessionId, digest: string): string =>
  join(blobFolder(dataDir, sessionId), Buffer.from(digest, "utf8").toString("hex"));

const shortHash = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Writes a blob so that it is on disk, under its final name, before the commit that needs it. */
export const writeBlobFile = async (
  dataDir: string,
  sessionId: SessionId,
  { digest, bytes, part }: Blob & { readonly part: string },
): Promise<void> => {
  const folder = blobFolder(dataDir, sessionId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = blobPath(dataDir, sessionId, digest);
  const partial = `${path}.${part}.part`;
  const file = await open(partial, "w", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
  // Each name on the way: a file that is on disk and cannot be found after a power loss is lost.
  for (const place of [folder, dirname(folder), dataDir]) syncFolder(place);
};

/** Undefined when the file is gone: it was erased. */
export const readBlobFile = (
  dataDir: string,
  sessionId: SessionId,
  digest: string,
): Uint8Array | undefined => {
  try {
    return readFileSync(blobPath(dataDir, sessionId, digest));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
};
