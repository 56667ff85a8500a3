import type { ToolCallPart } from "../../core/message.ts";

/**
 * The tool call ids of one prompt. A provider gets its own id back where that pairs a call with its
 * result beyond doubt; ours stands in where its own is empty, was used before, or came from another
 * provider, whose ids this one may refuse.
 * An id depends only on what came earlier, so that a growing prompt keeps its prefix and the
 * provider's cache of it.
 */
export class WireCallIds {
  readonly #used = new Set<string>();
  readonly #byCallId = new Map<string, string>();

  /** Names a call; its result is found by our id afterwards. */
  nameCall(part: ToolCallPart, isOwn: boolean): string {
    if (part.providerExecuted === true) {
      this.#used.add(part.providerCallId);
      return part.providerCallId;
    }
    const theirs = part.providerCallId;
    const isFit = isOwn && theirs !== "" && !this.#used.has(theirs);
    const wireId = isFit ? theirs : (part.callId ?? `call_${this.#used.size}`);
    this.#used.add(wireId);
    this.#byCallId.set(part.callId ?? theirs, wireId);
    return wireId;
  }

  /** The id of the call that a result answers; undefined when the prompt has no such call. */
  findCall(callId: string): string | undefined {
    return this.#byCallId.get(callId);
  }
}
