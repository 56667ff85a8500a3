import { failure, toFailure, type Failure } from "../core/failure.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonValue } from "../core/json.ts";
import type { ToolOutput } from "../core/message.ts";
import type { InterceptedCall, Interceptor } from "../ports/interceptor.ts";
import { invalidOutput, type Tool } from "../ports/tool.ts";
import { limited } from "./limited.ts";
import type { EngineServices } from "./services.ts";

/** A call whose arguments fit, before anything is done about it. */
export type CheckedCall = {
  readonly services: EngineServices;
  readonly tool: Tool;
  readonly about: Omit<InterceptedCall, "tool" | "effect" | "input" | "deps">;
  readonly input: JsonValue;
  /** The same, as the tool takes it. */
  readonly value: unknown;
};

/** What interceptors make of a call. */
export type Intercepted =
  | {
      readonly kind: "passes";
      readonly input: JsonValue;
      readonly value: unknown;
      readonly isChanged: boolean;
    }
  | { readonly kind: "denied"; readonly why: Failure }
  | { readonly kind: "replaced"; readonly output: unknown };

/** Whatever looks something up may take its time, but not hold a run for ever (E6). */
const LIMIT_MS = 30_000;

const NO_ANSWER = Symbol("no answer");

/** Asks one after another, each about what the one before it left. Whatever goes wrong lets nothing pass. */
export const interceptCall = async (call: CheckedCall): Promise<Intercepted> => {
  let { input, value } = call;
  let isChanged = false;
  for (const interceptor of concerned(call)) {
    const said = await ask(call, interceptor, () => interceptor.before?.(seen(call, input)));
    if (said.kind === "failed") return { kind: "denied", why: said.why };
    if (said.kind === "nothing") continue;
    if (said.kind === "deny") return { kind: "denied", why: denied(call, said.why) };
    if (said.kind === "output") return { kind: "replaced", output: said.output };
    const kept = toJournalValue(said.input);
    // guard E9: arguments that were cut are not run
    if (kept.isCut) return { kind: "denied", why: refused(call, interceptor, TOO_MUCH) };
    const changed = call.services.redactor.value(kept.value);
    const parsed = await limited(call.services.clock, {
      work: call.tool.parseInput(changed),
      limitMs: LIMIT_MS,
      otherwise: () => ({ ok: false, issues: ["They could not be checked in time."] }) as const,
    });
    // guard E3: arguments that an interceptor changed are checked as well
    if (!parsed.ok) {
      const issues = parsed.issues.join("; ");
      return {
        kind: "denied",
        why: refused(call, interceptor, `changed the arguments to some that do not fit: ${issues}`),
      };
    }
    ({ value } = parsed);
    input = changed;
    isChanged = true;
  }
  return { kind: "passes", input, value, isChanged };
};

/** The result as the model is to see it. */
export const interceptOutput = async (
  call: Omit<CheckedCall, "value">,
  output: ToolOutput,
): Promise<ToolOutput> => {
  let shown = output;
  for (const interceptor of concerned(call)) {
    const said = await ask(call, interceptor, () =>
      interceptor.after?.(seen(call, call.input), structuredClone(shown)),
    );
    if (said.kind === "failed") return withheld(said.why.message);
    if (said.kind === "nothing") continue;
    if (said.kind === "deny") return withheld(said.why);
    // guard O2: an interceptor that says something else lets no result pass
    if (said.kind === "input") return withheld(unclear(call, interceptor).message);
    shown = await outputOf(call.tool, said.output);
  }
  return shown;
};

const concerned = ({ services, tool }: Pick<CheckedCall, "services" | "tool">): readonly Interceptor[] =>
  services.interceptors.filter(({ tools }) => tools?.includes(tool.name) ?? true);

const seen = ({ services, tool, about }: Omit<CheckedCall, "value">, input: JsonValue): InterceptedCall => ({
  ...about,
  tool: tool.name,
  effect: tool.policy.effect,
  // What it does to its copy changes nothing: only what it answers does.
  input: structuredClone(input),
  deps: services.deps,
});

type Said =
  | { readonly kind: "nothing" }
  | { readonly kind: "deny"; readonly why: string }
  | { readonly kind: "input"; readonly input: unknown }
  | { readonly kind: "output"; readonly output: unknown }
  | { readonly kind: "failed"; readonly why: Failure };

const TOO_MUCH = "changed the arguments to more than can be kept: too large, or too deeply nested";

const ask = async (
  call: Omit<CheckedCall, "value">,
  interceptor: Interceptor,
  question: () => unknown,
): Promise<Said> => {
  try {
    const work = new Promise<unknown>((resolve) => resolve(question()));
    const answer = await limited<unknown>(call.services.clock, {
      work,
      limitMs: LIMIT_MS,
      otherwise: () => NO_ANSWER,
    });
    if (answer === undefined || answer === null) return { kind: "nothing" };
    // guard E4: an interceptor that never answers lets nothing pass
    if (answer === NO_ANSWER)
      return { kind: "failed", why: refused(call, interceptor, "did not answer in time") };
    // Read here, where it may throw: an answer can be anything.
    const said = typeof answer === "object" ? read(answer) : null;
    // guard E4: an interceptor that says something else lets nothing pass
    if (said === null) return { kind: "failed", why: unclear(call, interceptor) };
    return said;
  } catch (thrown) {
    const { message } = call.services.redactor.failure(toFailure(thrown));
    return { kind: "failed", why: refused(call, interceptor, `failed: ${message}`) };
  }
};

const read = (answer: object): Said | null => {
  if (isMember(answer, "deny")) return { kind: "deny", why: String(answer.deny) };
  if (isMember(answer, "output")) return { kind: "output", output: answer.output };
  return isMember(answer, "input") ? { kind: "input", input: answer.input } : null;
};

const isMember = <Name extends string>(
  answer: object,
  name: Name,
): answer is { readonly [Key in Name]: unknown } => Object.keys(answer).length === 1 && name in answer;

const outputOf = async (tool: Tool, output: unknown): Promise<ToolOutput> => {
  try {
    return await tool.toOutput(output);
  } catch (thrown) {
    return invalidOutput(thrown);
  }
};

/** The call has taken place: that is known, and nothing else. */
export const withheld = (why: string): ToolOutput => ({
  type: "error",
  value: `TOOL_DENIED: The call was made; its result is not shown: ${why}`,
});

const denied = ({ services }: Pick<CheckedCall, "services">, why: string): Failure =>
  failure("TOOL_DENIED", services.redactor.text(why));

const refused = ({ tool }: Pick<CheckedCall, "tool">, { name }: Interceptor, what: string): Failure =>
  failure("TOOL_DENIED", `${tool.name} was not allowed: the interceptor "${name}" ${what}.`, {
    details: { interceptor: name },
  });

const unclear = (call: Pick<CheckedCall, "tool">, interceptor: Interceptor): Failure =>
  refused(call, interceptor, "answered with something other than deny, input or output");
