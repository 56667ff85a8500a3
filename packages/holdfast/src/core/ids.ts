/** Names one session; minted by the runtime, or derived from a caller's key. */
export type SessionId = string;
/** Names one run; minted when its input is posted, before any worker sees it. */
export type RunId = string;
/** Names one signal in a mailbox. */
export type SignalId = string;
/** Names one tool call within its session. Ours: providers' own ids repeat or are empty. */
export type CallId = string;
/** Place of an event in its session's journal; the first event has position 1. */
export type Position = number;
/** Milliseconds since the Unix epoch, by the store's clock. */
export type Timestamp = number;

/**
 * The id of the tool call at `index` in the answer to the model call that started at `position`.
 * Letters, digits and underscores only: every provider accepts it as a tool call id.
 */
export const toolCallId = (position: Position, index: number): CallId => `call_${position}_${index}`;

/** Where the model call started whose answer asked for this call; 0 of what is no such id. An undo is of the call that it undoes. */
export const modelCallOf = (callId: CallId): Position => Number(/call_(\d+)_\d+$/.exec(callId)?.[1] ?? 0);
