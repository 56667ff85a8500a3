import type { Position, SessionId, Timestamp } from "../core/ids.ts";

/** Something that was said in a session, as its journal has it. */
export type HistoryEntry = {
  /** Where it stands in the journal. */
  readonly position: Position;
  /** When it was said, in milliseconds since the Unix epoch. */
  readonly at: Timestamp;
  /** `input`: by whoever talks to the agent; `answer` and `call`: by the model; `result`: by a tool; `note`: what became of a run that failed. */
  readonly kind: "input" | "answer" | "call" | "result" | "note";
  /** All of it; what was erased is `[erased]`. */
  readonly text: string;
};

/** Something that was said in another session. */
export type OtherEntry = HistoryEntry & { readonly sessionId: SessionId };

/** What was found in other sessions. */
export type OtherEntries = {
  readonly entries: readonly OtherEntry[];
  /** Sessions of which nothing is told, because they are damaged or of a newer version. */
  readonly unreadable: readonly SessionId[];
};

/**
 * What was said in a session from its beginning on, whatever has left the window. Contract:
 *
 * H1  `search` and `read` have what is in the session's own journal, and nothing of any other session (S1).
 * H2  It changes nothing, and holds nothing between calls.
 * H3  What was erased is not found (J4), nor what a run said that was rolled back (E5).
 * H4  What is told is what was stored: damaged content is an error (J4). Of another session that is damaged nothing is told, and it
 *     keeps nobody from the rest.
 * H5  `searchOthers` has what the same user and the same agent said to each other in other sessions of the same tenant: inputs and
 *     answers. What a tool gave stays where it was given. A session without a user has no others, nor has a child's session (S1).
 */
export interface SessionHistory {
  /** What has words of the query in it, the best first: at most `limit`, 5 where nothing is said. */
  search(query: string, options?: { readonly limit?: number }): Promise<readonly HistoryEntry[]>;
  /** All that was said by the event at this position; nothing where nothing was. */
  read(position: Position): Promise<readonly HistoryEntry[]>;
  /** The same as `search` in the user's other conversations: in the newest 200 of them, and 20 million characters of those. */
  searchOthers(query: string, options?: { readonly limit?: number }): Promise<OtherEntries>;
}
