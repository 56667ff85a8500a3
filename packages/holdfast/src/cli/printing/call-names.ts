import type { JsonObject, JsonValue } from "../../core/index.ts";
import type { SessionEvent } from "../../runtime/index.ts";

export type NamedCall = { readonly tool: string; readonly input: JsonValue | undefined };

/** Remembers from the model's answers which tool a call id stands for. */
export class CallNames {
  readonly #calls = new Map<string, NamedCall>();

  /** Learns the calls that an answer asks for. */
  see(event: SessionEvent): void {
    if (event.kind !== "event") return;
    if (event.type === "approval.decided" && event.header.isEdited) this.#edit(event.header.callId, event);
    if (event.type === "undo.requested") {
      const { undoId, undoes, tool } = event.header;
      this.#calls.set(undoId, { ...this.find(undoes), tool: `undo of ${tool}` });
    }
    if (event.type === "tool-call.failed") this.#replace(event.header);
    if (event.type !== "model-call.completed") return;
    const content = event.payload?.["content"];
    const parts = Array.isArray(content) ? content.filter(isOwnCall) : [];
    event.header.calls.forEach(({ callId, tool }, index) => {
      const part = parts[index];
      this.#calls.set(callId, { tool: tool ?? part?.toolName ?? "unknown tool", input: part?.input });
    });
  }

  /** From here on it is the call that was approved. */
  #edit(callId: string, { payload }: { readonly payload: JsonObject | null }): void {
    this.#calls.set(callId, { ...this.find(callId), input: payload?.["input"] });
  }

  /** From here on it is a call of another tool. */
  #replace({ callId, next }: Of["header"]): void {
    if (next.kind === "other-tool") this.#calls.set(callId, { ...this.find(callId), tool: next.tool });
  }

  find(callId: string): NamedCall {
    return this.#calls.get(callId) ?? { tool: callId, input: undefined };
  }
}

type Of = Extract<SessionEvent, { type: "tool-call.failed" }>;

type CallPart = { readonly type: "tool-call"; readonly toolName: string; readonly input: JsonValue };

/** A call the model asked us to run; those a provider ran itself have no id of ours. */
const isOwnCall = (part: unknown): part is CallPart =>
  typeof part === "object" &&
  part !== null &&
  "type" in part &&
  part.type === "tool-call" &&
  "toolName" in part &&
  typeof part.toolName === "string" &&
  !("providerExecuted" in part && part.providerExecuted === true);
