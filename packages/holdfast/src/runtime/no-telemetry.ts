import type { Span, Telemetry } from "../ports/telemetry.ts";

const SPAN: Span = { traceparent: null, run: (work) => work(), end: () => undefined };

/** Records nothing. */
export const noTelemetry: Telemetry = { startSpan: () => SPAN, observe: () => () => undefined };
