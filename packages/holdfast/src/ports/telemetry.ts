/** One span as the engine sees it; names and attributes follow OpenTelemetry's GenAI conventions. */
export type SpanStart = {
  readonly name: string;
  readonly kind: "internal" | "client";
  readonly at: number;
  readonly attributes: SpanAttributes;
  /** W3C traceparent of the parent, from the journal: the same trace after a crash (O1). */
  readonly parent: string | null;
};

export type SpanAttributes = { readonly [name: string]: string | number | boolean };

export type SpanEnd = {
  readonly at: number;
  readonly attributes?: SpanAttributes;
  /** Failure code, when it did not succeed. */
  readonly error?: string;
};

export interface Span {
  /** W3C traceparent of this span, or null when nothing records. */
  readonly traceparent: string | null;
  /** Runs `work` with this span as the active one, so that instrumented clients nest under it. */
  run<Result>(work: () => Result): Result;
  end(end: SpanEnd): void;
}

/** Where spans go. Must not throw; what it does with them is its own affair. */
export interface Telemetry {
  startSpan(start: SpanStart): Span;
}
