import {
  context,
  isSpanContextValid,
  metrics,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Meter,
  type ObservableResult,
  type Span as ApiSpan,
  type SpanContext,
  type Tracer,
} from "@opentelemetry/api";
import type { Gauge, Span, SpanStart, Telemetry } from "../ports/telemetry.ts";

export type OpenTelemetryOptions = {
  /** The tracer of the provider that is registered globally, under the name "holdfast", when absent. */
  readonly tracer?: Tracer;
  /** The meter of the provider that is registered globally, under the name "holdfast", when absent. */
  readonly meter?: Meter;
};

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const HEX = 16;

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const toTraceparent = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(HEX).padStart(2, "0")}`;

const fromTraceparent = (text: string): SpanContext | undefined => {
  const [, traceId = "", spanId = "", flags = ""] = TRACEPARENT.exec(text) ?? [];
  const found = { traceId, spanId, traceFlags: Number.parseInt(flags, HEX), isRemote: true };
  return isSpanContextValid(found) ? found : undefined;
};

/**
 * The context a span begins in: its parent's from the journal, and nothing else. What happens to be
 * active is the work of another session, or the caller that woke this one.
 */
const contextOf = (parent: string | null): Context => {
  const found = parent === null ? undefined : fromTraceparent(parent);
  return found === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, found);
};

const toSpan = (span: ApiSpan): Span => ({
  traceparent: isSpanContextValid(span.spanContext()) ? toTraceparent(span.spanContext()) : null,
  run: (work) => context.with(trace.setSpan(context.active(), span), work),
  end: ({ at, attributes, error }) => {
    if (attributes !== undefined) span.setAttributes(attributes);
    if (error !== undefined) {
      span.setAttribute("error.type", error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    }
    span.end(new Date(at));
  },
});

const observe = (meter: Meter, { name, description, unit, read }: Gauge): (() => void) => {
  const gauge = meter.createObservableGauge(name, { description, unit });
  const tell = (result: ObservableResult): void => {
    for (const { value, attributes } of read()) result.observe(value, { ...attributes });
  };
  gauge.addCallback(tell);
  return () => gauge.removeCallback(tell);
};

/**
 * Sends the spans of runs, model calls and tool calls to OpenTelemetry: one trace a run, also across
 * suspensions and crashes; and the numbers of what this process holds, as gauges. Needs `@opentelemetry/api`, and an SDK that you have set up.
 *
 * @example
 * const runtime = await createRuntime({ agents, telemetry: openTelemetry() });
 */
export const openTelemetry = (options: OpenTelemetryOptions = {}): Telemetry => {
  const tracer = options.tracer ?? trace.getTracer("holdfast");
  const meter = options.meter ?? metrics.getMeter("holdfast");
  return {
    startSpan: ({ name, kind, at, attributes, parent }: SpanStart) =>
      toSpan(
        tracer.startSpan(
          name,
          {
            kind: kind === "client" ? SpanKind.CLIENT : SpanKind.INTERNAL,
            startTime: new Date(at),
            attributes: { ...attributes },
          },
          contextOf(parent),
        ),
      ),
    observe: (gauges) => {
      const stops = gauges.map((gauge) => observe(meter, gauge));
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
};
