import type { HeaderOf, JournalEvent } from "../core/event.ts";
import type { SessionId } from "../core/ids.ts";
import type { Usage } from "../core/usage.ts";
import type { Span, Telemetry } from "../ports/telemetry.ts";

type SpanResult = { readonly error?: string | null; readonly attributes?: Record<string, number> };

const usageAttributes = (usage: Usage): Record<string, number> => ({
  "gen_ai.usage.input_tokens": usage.inputTokens,
  "gen_ai.usage.output_tokens": usage.outputTokens,
});

type SpanOwner = {
  readonly agent: string;
  readonly sessionId: SessionId;
  /** Which tool an open call is of. */
  readonly toolOf: (callId: string) => string | null;
};

/**
 * The spans of one session: run, model call, tool call. Names and attributes follow OpenTelemetry's
 * GenAI semantic conventions. The run's traceparent is journaled: whoever goes on with the run after a
 * suspension or a crash opens a span of its own under it, in the same trace (O1).
 */
export class RunSpans {
  readonly #telemetry: Telemetry;
  readonly #owner: SpanOwner;
  readonly #open = new Map<string, Span>();

  constructor(telemetry: Telemetry, owner: SpanOwner) {
    this.#telemetry = telemetry;
    this.#owner = owner;
  }

  /** Opens the span of a run that is about to start; answers what to journal. */
  beginRun(runId: string, at: number): string | null {
    // A batch that was refused is prepared again, for the same run.
    return (this.#open.get(runId) ?? this.#startRun(runId, at, null)).traceparent;
  }

  /** The span of an attempt in flight, so that what it does can nest under it. */
  find(key: string): Span | undefined {
    return this.#open.get(key);
  }

  /** Follows the journal: committed events begin and end spans. */
  committed(events: readonly JournalEvent[], trace: (runId: string) => string | null): void {
    for (const event of events) this.#follow(event, trace);
  }

  /** Ends what is open here: the session is let go of, or lost to another worker. */
  leave(at: number, why: "released" | "lost"): void {
    for (const span of this.#open.values())
      span.end({ at, ...(why === "lost" ? { error: "TOOL_CALL_LOST" } : {}) });
    this.#open.clear();
  }

  #follow({ header, at, position }: JournalEvent, trace: (runId: string) => string | null): void {
    switch (header.type) {
      case "model-call.started":
        this.#startModelCall(header, {
          position,
          at,
          parent: this.#parent(header.runId, at, trace),
          attempt: header.attempt,
        });
        return;
      case "summary-call.started":
        this.#startModelCall(header, {
          position,
          at,
          parent: this.#parent(header.runId, at, trace),
          attempt: 1,
        });
        return;
      case "tool-call.started":
        this.#startToolCall(header, { at, parent: this.#parent(header.runId, at, trace) });
        return;
      case "summary-call.completed":
      case "model-call.completed":
        this.#end(`model:${header.startedAt}`, at, { attributes: usageAttributes(header.charge.usage) });
        return;
      case "summary-call.failed":
      case "model-call.failed":
        this.#end(`model:${header.startedAt}`, at, { error: header.code });
        return;
      case "tool-call.completed":
        this.#end(`tool:${header.callId}`, at);
        return;
      case "tool-call.failed":
      case "tool-call.unknown":
        this.#end(`tool:${header.callId}`, at, { error: header.code });
        return;
      case "run.suspended":
      case "run.completed":
        this.#end(header.runId, at);
        return;
      case "run.failed":
        this.#end(header.runId, at, { error: header.code });
        return;
      case "run.cancelled":
        this.#end(header.runId, at, { error: "RUN_CANCELLED" });
        return;
      default:
        return;
    }
  }

  #startModelCall(
    header: HeaderOf<"model-call.started" | "summary-call.started">,
    {
      position,
      at,
      parent,
      attempt,
    }: {
      readonly position: number;
      readonly at: number;
      readonly parent: string | null;
      readonly attempt: number;
    },
  ): void {
    this.#start(
      `model:${position}`,
      { name: `chat ${header.modelId}`, kind: "client", at, parent },
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": header.provider,
        "gen_ai.request.model": header.modelId,
        "holdfast.attempt": attempt,
        ...(header.type === "summary-call.started" ? { "holdfast.purpose": "summary" } : {}),
      },
    );
  }

  #startToolCall(
    { callId, attempt }: HeaderOf<"tool-call.started">,
    { at, parent }: { readonly at: number; readonly parent: string | null },
  ): void {
    const tool = this.#owner.toolOf(callId);
    this.#start(
      `tool:${callId}`,
      { name: tool === null ? "execute_tool" : `execute_tool ${tool}`, kind: "internal", at, parent },
      {
        "gen_ai.operation.name": "execute_tool",
        ...(tool === null ? {} : { "gen_ai.tool.name": tool }),
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": callId,
        "holdfast.attempt": attempt,
      },
    );
  }

  /** The run's span in this process, under the one that was journaled when another began it. */
  #parent(runId: string, at: number, trace: (runId: string) => string | null): string | null {
    const begun = trace(runId);
    return (this.#open.get(runId) ?? this.#startRun(runId, at, begun)).traceparent ?? begun;
  }

  #startRun(runId: string, at: number, parent: string | null): Span {
    return this.#start(
      runId,
      { name: `invoke_agent ${this.#owner.agent}`, kind: "internal", at, parent },
      { "gen_ai.operation.name": "invoke_agent", "holdfast.run.id": runId },
    );
  }

  #start(
    key: string,
    start: {
      readonly name: string;
      readonly kind: "internal" | "client";
      readonly at: number;
      readonly parent: string | null;
    },
    attributes: Record<string, string | number>,
  ): Span {
    const span = this.#telemetry.startSpan({
      ...start,
      attributes: {
        ...attributes,
        "gen_ai.agent.name": this.#owner.agent,
        "gen_ai.conversation.id": this.#owner.sessionId,
      },
    });
    this.#open.set(key, span);
    return span;
  }

  #end(key: string, at: number, { error = null, attributes = {} }: SpanResult = {}): void {
    const span = this.#open.get(key);
    if (span === undefined) return;
    this.#open.delete(key);
    span.end({ at, attributes, ...(error === null ? {} : { error }) });
  }
}
