import type { JsonValue } from "../core/json.ts";
import type { ToolEffect } from "../core/run-settings.ts";
import type { ToolOutput } from "../core/message.ts";
import type { SessionContext } from "./session-context.ts";

/** A tool call as an interceptor sees it. */
export type InterceptedCall<Deps = unknown> = {
  readonly session: SessionContext;
  readonly agent: string;
  readonly runId: string;
  readonly callId: string;
  readonly tool: string;
  readonly effect: ToolEffect;
  /** The arguments, which fit the tool: as the model gave them, or as the interceptor before this one changed them. */
  readonly input: JsonValue;
  readonly deps: Deps;
};

/** What is done with a call: nothing, or it is refused, its arguments are others, or it is not made and this is its result. */
export type BeforeCall =
  | { readonly deny: string }
  | { readonly input: unknown }
  | { readonly output: unknown };

/** What is done with a result: nothing, or it is kept from the model, or this is shown in its place. */
export type AfterCall = { readonly deny: string } | { readonly output: unknown };

type Maybe<Value> = Value | undefined | void | Promise<Value | undefined | void>;

/**
 * Looks at every tool call of a runtime, whatever agent asks. Contract:
 *
 * P1  `before` is asked once for a call, when the model has asked for it and its arguments fit, and before anybody has to approve
 *     it; what it decides is in the journal before anything acts on it. It is asked again about arguments that an approver changed.
 * P2  Arguments that it changes are checked like those of the model, and what is approved is the changed ones.
 * P3  `after` sees each result before it is recorded, as the model would; the call has taken place, whatever it says.
 * P4  One that throws, never answers or answers with something else lets nothing pass.
 */
export interface Interceptor<Deps = unknown> {
  readonly name: string;
  /** The tools whose calls it sees; all of them by default. */
  readonly tools?: readonly string[];
  readonly before?: (call: InterceptedCall<Deps>) => Maybe<BeforeCall>;
  readonly after?: (call: InterceptedCall<Deps>, output: ToolOutput) => Maybe<AfterCall>;
}
