/** The agent under test: its model and its tools do nothing by themselves, and end as they are told. */
import { askUserTool, defineAgent, defineCallerTool, defineTool, ModelCallError, ToolError } from "holdfast";
import type { ApprovalRule, DefinedTool, JsonObject, ToolContext } from "holdfast";
import type { Model, ModelAnswer, ModelRequest } from "holdfast/ports";
import { z } from "zod";
import type { ModelEnd, ToolEnd } from "./reference-state.ts";
import { MAX_ATTEMPTS, MAX_PARALLEL, TOOLS, type ToolTerms, verdictOf } from "./tools.ts";
import { promptOf } from "./prompt.ts";

type Input = { readonly n: number; readonly edit?: number | undefined };
const inputSchema = z.object({ n: z.number().int(), edit: z.number().int().optional() });

/** An attempt that is under way, or goes on though nobody waits for it. */
type Hanging = {
  readonly n: number;
  readonly tool: string;
  readonly attempt: number;
  readonly end: (how: ToolEnd) => void;
};

/** What the world outside saw of the agent. */
export class Outside {
  readonly prompts: string[] = [];
  readonly entered: string[] = [];
  hanging: Hanging[] = [];
  answer: ((end: ModelEnd) => void) | null = null;

  enter(tool: string, { n, edit }: Input, context: ToolContext): Promise<unknown> {
    const { attempt, resume, signal } = context;
    const resumed =
      resume === null ? "-" : resume.by === "signal" ? `signal ${JSON.stringify(resume.value)}` : resume.by;
    this.entered.push(`${n} ${tool} ${attempt}${edit === undefined ? "" : ` edit ${edit}`} ${resumed}`);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.hanging = this.hanging.filter((one) => one !== hanging);
      };
      const end = (how: ToolEnd): void => {
        leave();
        try {
          resolve(resultOf(n, how, context));
        } catch (thrown) {
          reject(thrown);
        }
      };
      const hanging: Hanging = { n, tool, attempt, end };
      this.hanging.push(hanging);
      if (TOOLS[tool]?.isStubborn === true) return;
      signal.addEventListener("abort", () => {
        leave();
        reject(signal.reason);
      });
    });
  }

  ask(request: ModelRequest): Promise<ModelAnswer> {
    this.prompts.push(promptOf(request.messages));
    return new Promise((resolve, reject) => {
      this.answer = (end) => {
        this.answer = null;
        if (end.kind === "text" || end.kind === "calls") resolve(answerOf(end));
        else if (end.kind === "fails") reject(new ModelCallError("MODEL_UNAUTHORIZED", "no"));
        else {
          const { retryAfterMs } = end;
          reject(new ModelCallError("MODEL_UNAVAILABLE", "not now", { retryAfterMs }));
        }
      };
      request.signal.addEventListener("abort", () => {
        this.answer = null;
        reject(request.signal.reason);
      });
    });
  }

  /** The process died, and what it had under way with it. */
  forget(): void {
    this.hanging = [];
    this.answer = null;
  }
}

const resultOf = (n: number, how: ToolEnd, { suspend }: ToolContext): unknown => {
  switch (how.kind) {
    case "done":
      return { did: n };
    case "waits-for":
      return suspend({
        signal: how.key,
        ...(how.timeoutMs === null ? {} : { timeoutMs: how.timeoutMs }),
      });
    case "waits-until":
      return suspend({ until: how.at });
    case "did-nothing":
      throw new ToolError("It did nothing.", { executed: false });
    case "fails-for-now":
      throw new ToolError("Not now.", { retryAfterMs: how.retryAfterMs });
    case "fails":
      throw new ToolError("It failed.");
  }
};

const answerOf = (end: ModelEnd & { kind: "text" | "calls" }): ModelAnswer => ({
  content:
    end.kind === "text"
      ? [{ type: "text", text: end.text }]
      : end.calls.map(({ n, tool }) => ({
          type: "tool-call",
          providerCallId: `p${n}`,
          toolName: tool,
          input: inputOf(n, tool),
        })),
  finish: end.kind === "text" ? "stop" : "tool-calls",
  usage: null,
  metadata: {},
});

const inputOf = (n: number, tool: string): JsonObject =>
  tool === "ask_user" ? { question: `${n}`, choices: ["yes", "no"], n } : { n };

const ruleOf = ({ approval }: ToolTerms): ApprovalRule<unknown> => {
  if (approval === undefined) return false;
  const { escalate, ...terms } = approval;
  return escalate === undefined ? terms : { ...terms, escalate: [escalate] };
};

const runTool = (name: string, terms: ToolTerms, outside: Outside): DefinedTool<Input, unknown> =>
  defineTool()({
    name,
    description: name,
    inputSchema,
    effect: terms.effect,
    timeoutMs: terms.timeoutMs ?? 1,
    retry: { maxAttempts: MAX_ATTEMPTS, initialDelayMs: 0, maxDelayMs: 0 },
    needsApproval: ruleOf(terms),
    execute: (input, context) => outside.enter(name, input, context),
    ...(terms.canVerify === true ? { verify: ({ n }: Input) => verdict(n) } : {}),
  });

const verdict = (n: number): { status: "done"; output: unknown } | { status: "not-done" | "unknown" } => {
  const status = verdictOf(n);
  return status === "done" ? { status, output: { verified: n } } : { status };
};

const callerTool = (name: string, terms: ToolTerms): DefinedTool<Input, unknown> =>
  defineCallerTool({
    name,
    description: name,
    inputSchema,
    outputSchema: z.object({ code: z.string() }),
    needsApproval: ruleOf(terms),
    ...(terms.timeoutMs === null ? {} : { timeoutMs: terms.timeoutMs }),
  });

const toolOf = (name: string, terms: ToolTerms, outside: Outside): DefinedTool<unknown, unknown> => {
  if (name === "ask_user") return askUserTool({ name });
  return terms.by === "caller" ? callerTool(name, terms) : runTool(name, terms, outside);
};

export const agentOf = (outside: Outside) => {
  const model: Model = {
    provider: "outside",
    modelId: "outside",
    call: (request) => outside.ask(request),
  };
  return defineAgent({
    name: "puppet",
    model,
    instructions: "Do as you are told.",
    tools: Object.entries(TOOLS).map(([name, terms]) => toolOf(name, terms, outside)),
    limits: { maxTurns: 10_000, maxDurationMs: 2_000_000_000, maxParallelToolCalls: MAX_PARALLEL },
  });
};
