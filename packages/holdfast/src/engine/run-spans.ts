import type { JournalEvent } from "../core/event.ts";
import type { SessionId } from "../core/ids.ts";
import type { Usage } from "../core/usage.ts";
import type { Span, Telemetry } from "../ports/telemetry.ts";

type SpanResult = { readonly error?: string | null; readonly attributes?: Record<string, number> };

const usageAttributes = (usage: Usage): Record<string, number> => ({
  "gen_ai.usage.input_tokens": usage.inputTokens,
  "gen_ai.usage.output_tokens": usage.outputTokens,
});

/**
 * The spans of one session: run, model call, tool call. Names and attributes follow OpenTelemetry's
 * GenAI semantic conventions. The run's traceparent is journaled, so that spans after a crash hang in
 * the same trace (O1).
 */
export class RunSpans {
  readonly #telemetry: Telemetry;
  readonly #agent: string;
  readonly #sessionId: SessionId;
  readonly #open = new Map<string, Span>();

  constructor(telemetry: Telemetry, agent: string, sessionId: SessionId) {
    this.#telemetry = telemetry;
    this.#agent = agent;
    this.#sessionId = sessionId;
  }

  /** Opens the span of a run that is about to start; answers what to journal. */
  beginRun(runId: string, at: number): string | null {
    return this.#start(
      runId,
      { name: `invoke_agent ${this.#agent}`, kind: "internal", at, parent: null },
      {
        "gen_ai.operation.name": "invoke_agent",
        "holdfast.run.id": runId,
      },
    ).traceparent;
  }

  /** The span of an attempt in flight, so that what it does can nest under it. */
  find(key: string): Span | undefined {
    return this.#open.get(key);
  }

  /** Follows the journal: committed events begin and end spans. */
  committed(events: readonly JournalEvent[], trace: (runId: string) => string | null): void {
    for (const event of events) this.#follow(event, trace);
  }

  /** Forgets what is open: another worker goes on. */
  abandon(at: number): void {
    for (const span of this.#open.values()) span.end({ at, error: "TOOL_CALL_LOST" });
    this.#open.clear();
  }

  #follow({ header, at, position }: JournalEvent, trace: (runId: string) => string | null): void {
    switch (header.type) {
      case "model-call.started":
        this.#start(
          `model:${position}`,
          { name: `chat ${header.modelId}`, kind: "client", at, parent: trace(header.runId) },
          {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": header.provider,
            "gen_ai.request.model": header.modelId,
            "holdfast.attempt": header.attempt,
          },
        );
        return;
      case "model-call.completed":
        this.#end(`model:${header.startedAt}`, at, { attributes: usageAttributes(header.charge.usage) });
        return;
      case "model-call.failed":
        this.#end(`model:${header.startedAt}`, at, { error: header.code });
        return;
      case "tool-call.started":
        this.#start(
          `tool:${header.callId}`,
          { name: "execute_tool", kind: "internal", at, parent: trace(header.runId) },
          {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.call.id": header.callId,
            "holdfast.attempt": header.attempt,
          },
        );
        return;
      case "tool-call.completed":
        this.#end(`tool:${header.callId}`, at);
        return;
      case "tool-call.failed":
      case "tool-call.unknown":
        this.#end(`tool:${header.callId}`, at, { error: header.code });
        return;
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
        "gen_ai.agent.name": this.#agent,
        "gen_ai.conversation.id": this.#sessionId,
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
