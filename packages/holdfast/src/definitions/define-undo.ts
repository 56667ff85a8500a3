import { ConfigurationError } from "../core/errors.ts";
import { DEFAULT_TOOL_RETRY, type RetryPolicy } from "../core/retry-policy.ts";
import type { ToolEffect } from "../core/run-settings.ts";
import type { UndoPolicy } from "../core/undo-terms.ts";
import type { DoneCall, ToolContext, ToolUndo, Verification } from "../ports/tool.ts";
import { checkOptions, checkRetry, positiveInteger } from "./known-options.ts";
import type { VerifyResult } from "./make-tool.ts";

/** Takes back what a call did. What it returns is journaled; nobody is shown it. */
export type UndoFunction<Input, Output, Deps> = (
  done: DoneCall<Input, Output>,
  context: ToolContext<Deps>,
) => unknown;

/** Everything there is to say about undoing a call. */
export type UndoDefinition<Input, Output, Deps> = {
  /**
   * What undoing does when it is repeated. `idempotent`: nothing more, with the same `context.idempotencyKey`; it is tried
   * again after a crash and after a failure. `write`: it is never repeated blindly; when nobody knows whether it took place,
   * `verify` is asked, or a person. A function by itself is a `write`.
   */
  readonly effect: "idempotent" | "write";
  readonly execute: UndoFunction<Input, Output, Deps>;
  /** Says whether an undo of unknown outcome took place; does nothing else. */
  readonly verify?: (
    done: DoneCall<Input, Output>,
    context: ToolContext<Deps>,
  ) => Promise<VerifyResult<unknown>> | VerifyResult<unknown>;
  /** Longest time one attempt may take; that of the tool by default. */
  readonly timeoutMs?: number;
  /** That of the tool by default. */
  readonly retry?: Partial<RetryPolicy>;
};

/** A function, or a definition. */
export type Undo<Input, Output, Deps> =
  | UndoFunction<Input, Output, Deps>
  | UndoDefinition<Input, Output, Deps>;

type OfTool = {
  readonly owner: string;
  readonly effect: ToolEffect;
  readonly isIsolated: boolean;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
};

/** What the engine and the journal need of an undo; null for none. @throws ConfigurationError when it is not usable. */
export const compileUndo = <Input, Output, Deps>(
  given: Undo<Input, Output, Deps> | undefined,
  tool: OfTool,
): { readonly policy: UndoPolicy; readonly undo: ToolUndo } | null => {
  if (given === undefined) return null;
  checkMayUndo(tool);
  const definition: UndoDefinition<Input, Output, Deps> =
    typeof given === "function" ? { effect: "write", execute: given } : given;
  const owner = `${tool.owner}: undo`;
  checkOptions(definition, { owner, known: KNOWN, later: [] });
  const { effect, execute, verify, timeoutMs, retry } = definition;
  if (effect !== "idempotent" && effect !== "write")
    throw invalid(
      owner,
      'says no "effect".',
      'Say effect: "idempotent" when it may be repeated, else "write".',
    );
  if (typeof execute !== "function") throw invalid(owner, "has no execute function.");
  // The engine hands over what the tool's own schema has let through, and the dependencies the runtime was given.
  const call = (done: DoneCall): DoneCall<Input, Output> => done as DoneCall<Input, Output>;
  return {
    policy: {
      effect,
      timeoutMs: positiveInteger(owner, "timeoutMs", timeoutMs ?? tool.timeoutMs),
      retry: checkRetry({ ...DEFAULT_TOOL_RETRY, ...tool.retry, ...retry }, `${owner}: retry`),
      canVerify: verify !== undefined,
    },
    undo: {
      execute: async (done, context) => execute(call(done), context as ToolContext<Deps>),
      ...(verify === undefined
        ? {}
        : {
            verify: async (done: DoneCall, context: ToolContext): Promise<Verification> =>
              (await verify(call(done), context as ToolContext<Deps>)) as Verification,
          }),
    },
  };
};

const KNOWN = ["effect", "execute", "verify", "timeoutMs", "retry"];

const checkMayUndo = ({ owner, effect, isIsolated }: OfTool): void => {
  if (effect === "read") throw invalid(owner, 'is a "read": there is nothing to undo.', "Leave undo out.");
  if (effect === "idempotent")
    throw invalid(
      owner,
      'is "idempotent" and declares an undo: of a call of it that failed nobody knows whether it took place.',
      'Make it effect: "write", with a verify that looks the call up by its idempotency key.',
    );
  if (isIsolated)
    throw invalid(owner, "is isolated, and an undo cannot run there yet.", "Leave one of them out.");
};

const invalid = (owner: string, what: string, hint?: string): ConfigurationError =>
  new ConfigurationError("DEFINITION_INVALID", `${owner} ${what}`, hint === undefined ? {} : { hint });
