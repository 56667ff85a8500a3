import type { Failure } from "../../core/failure.ts";
import type { SessionContext } from "../../ports/session-context.ts";
import type { LogFields, LogLevel } from "../../ports/tool.ts";
import type { SandboxOutput, SandboxVerification } from "../../ports/sandbox.ts";

/** What a host is started with. */
export type HostSettings = { readonly module: string };

/** The part of a tool's context that is data. */
export type CallFacts = {
  readonly session: SessionContext;
  readonly runId: string;
  readonly callId: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
};

/** Which function of the tool is meant. */
export type ToolMember = "execute" | "verify";

/** Functions of the workspace, and what saves an artifact; asked for across. */
export type AskedMember = "path" | "resolve" | "write" | "read" | "save";

/** What a thrown value says, as far as it can be told across. */
export type ToldFailure = {
  readonly failure: Failure;
  readonly executed: boolean | undefined;
  readonly retryAfterMs: number | undefined;
};

export type ToHost =
  | { readonly kind: "load"; readonly settings: HostSettings }
  | {
      readonly kind: "call";
      readonly tool: string;
      readonly member: ToolMember;
      readonly input: unknown;
      readonly facts: CallFacts;
    }
  | { readonly kind: "abort"; readonly reason: string }
  | {
      readonly kind: "answer";
      readonly id: number;
      readonly value: unknown;
      readonly error: ToldFailure | null;
    }
  /** So many notes have been taken; as many more may be sent. */
  | { readonly kind: "credit"; readonly count: number };

export type OutputStream = "stdout" | "stderr";

export type FromHost =
  | { readonly kind: "loaded"; readonly tools: readonly string[] }
  | { readonly kind: "not-loaded"; readonly failure: Failure }
  | { readonly kind: "done"; readonly result: SandboxOutput | SandboxVerification }
  | { readonly kind: "threw"; readonly told: ToldFailure }
  /** The last word of a host that ends because of something nobody caught. */
  | { readonly kind: "dying"; readonly why: string }
  | {
      readonly kind: "ask";
      readonly id: number;
      readonly member: AskedMember;
      readonly args: readonly unknown[];
    }
  | { readonly kind: "log"; readonly level: LogLevel; readonly message: string; readonly fields: LogFields }
  | { readonly kind: "progress"; readonly message: string }
  | { readonly kind: "print"; readonly stream: OutputStream; readonly text: string }
  /** The host waits for the answer, and does nothing until it has come. */
  | { readonly kind: "secret"; readonly name: string };

/** What a tool says without waiting for an answer. */
export type Note = FromHost & { readonly kind: "log" | "progress" | "print" };

export type SecretAnswer = { readonly value: string } | { readonly error: ToldFailure };

/** Notes (log, progress, what is printed) that a host may send ahead of what has been taken of them; further ones are dropped and counted. */
export const MAX_NOTES_AHEAD = 256;

/** What is open in a process beside its output: index of each in `stdio`, and so its descriptor. */
export const LIFELINE = 4;
export const SECRETS = 5;
