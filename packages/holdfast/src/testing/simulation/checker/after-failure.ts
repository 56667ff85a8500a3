import type { AfterToolFailure } from "../../../core/event.ts";

const STATUS = {
  retry: "retrying",
  "other-tool": "asked",
  "last-good": "asked",
  "give-up": "closed",
} as const;

/** Where a tool call stands when an attempt at it has failed. */
export const afterFailure = (
  next: AfterToolFailure,
): { readonly status: (typeof STATUS)[AfterToolFailure["kind"]]; readonly dueAt?: number } => ({
  status: STATUS[next.kind],
  ...(next.kind === "retry" ? { dueAt: next.dueAt } : {}),
});
