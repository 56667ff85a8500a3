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

/** A number as it is now, of one kind: three sockets of one server. */
export type Reading = { readonly value: number; readonly attributes: SpanAttributes };

/** Something that can be counted at any time. */
export type Gauge = {
  readonly name: string;
  readonly description: string;
  /** As UCUM has it: `{call}` for things that are counted. */
  readonly unit: string;
  /** Never throws, and waits for nothing. */
  readonly read: () => readonly Reading[];
};

/** Where spans and numbers go. Must not throw; what it does with them is its own affair. */
export interface Telemetry {
  startSpan(start: SpanStart): Span;
  /** Reads these whenever it likes, until what it answers with is called. */
  observe(gauges: readonly Gauge[]): () => void;
}
