/** Where a tool call stands when an attempt at it has failed. */
export const AFTER_FAILURE = {
  retry: "retrying",
  "other-tool": "asked",
  "last-good": "asked",
  "give-up": "closed",
} as const;
