import type { StoredEvent } from "holdfast/core";
import { foldJournal, type FoldedJournal } from "./fold-journal.ts";

/** One journal as it was stored, byte for byte, and what it came to when it was recorded. */
export type Recording = {
  readonly name: string;
  /** What happens in it, for whoever reads the file. */
  readonly about: string;
  readonly sessionId: string;
  readonly events: readonly StoredEvent[];
  readonly expected: FoldedJournal;
};

export const recordingOf = (
  played: Pick<Recording, "name" | "about" | "sessionId" | "events">,
): Recording => ({ ...played, expected: foldJournal(played.events) });

const base64 = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString("base64url");

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64url"));

/** An event a line, so that a change to a recording can be read in a diff. */
export const printRecording = ({ name, about, sessionId, events, expected }: Recording): string => {
  const lines = events.map(({ position, header, payload, salt, hash }) =>
    JSON.stringify({ position, header, payload, salt: base64(salt), hash: base64(hash) }),
  );
  return [
    "{",
    `"name": ${JSON.stringify(name)},`,
    `"about": ${JSON.stringify(about)},`,
    `"sessionId": ${JSON.stringify(sessionId)},`,
    `"events": [\n${lines.join(",\n")}\n],`,
    `"expected": ${JSON.stringify(expected, null, 1)}`,
    "}\n",
  ].join("\n");
};

type WrittenEvent = Pick<StoredEvent, "position" | "header" | "payload"> & {
  readonly salt: string | null;
  readonly hash: string;
};

export const parseRecording = (text: string): Recording => {
  const { events, ...rest }: Omit<Recording, "events"> & { readonly events: readonly WrittenEvent[] } =
    JSON.parse(text);
  return {
    ...rest,
    events: events.map((event) => ({
      ...event,
      salt: event.salt === null ? null : bytesOf(event.salt),
      hash: bytesOf(event.hash),
    })),
  };
};
