import type { SessionContext } from "./session-context.ts";

/** What an approval rule knows of a call besides its input. */
export type ApprovalContext<Deps = unknown> = {
  readonly session: SessionContext;
  readonly runId: string;
  readonly callId: string;
  readonly deps: Deps;
};

/** An approval to be asked for (E4): who decides, how many, how long. */
export type ApprovalRequest = {
  /** Shown to who decides. */
  readonly reason: string | null;
  /** How long it is asked for; null for ever. */
  readonly timeoutMs: number | null;
  readonly onTimeout: "approve" | "reject";
  readonly quorum: number;
  /** Who may decide, and from how many milliseconds on; null for anybody. The first level begins at 0. */
  readonly levels: readonly { readonly afterMs: number; readonly approvers: readonly string[] | null }[];
  /** Whether the session's user may not decide on what is done for them. */
  readonly excludesRequester: boolean;
  readonly mayRemember: boolean;
};
