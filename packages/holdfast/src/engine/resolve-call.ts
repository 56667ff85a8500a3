import { failure, type Failure } from "../core/failure.ts";
import { toolCallId, type CallId } from "../core/ids.ts";
import { isJsonObject, type JsonValue } from "../core/json.ts";
import type { ToolCallPart } from "../core/message.ts";
import { NO_POLICY, type ResolvedCall } from "../core/settle-model-call.ts";
import type { ParsedInput, Tool } from "../ports/tool.ts";
import { isRefusal, proposeApproval } from "./ask-approval.ts";
import type { ModelCall } from "./model-call.ts";
import { interceptCall } from "./intercept.ts";
import { limited } from "./limited.ts";
import { finishCall } from "./tool-entry.ts";

/** Schemas may hold code of anybody's; one that never comes back must not hold its run for ever (E6). */
const CHECK_LIMIT_MS = 30_000;
const UNCHECKED = { ok: false, issues: ["It could not be checked in time."] } as const;

const NOTHING = { approval: null, refusal: null, changed: null, replacement: null } as const;

/**
 * The stages of a call up to its start: resolve its tool, validate its arguments, ask the interceptors, ask who has to approve it. What fails
 * is answered without ever starting (E3). `index` is null in an answer that was cut.
 */
export const resolveCall = async (
  call: ModelCall,
  part: ToolCallPart,
  index: number | null,
): Promise<ResolvedCall> => {
  const tool = call.agent.tools.get(part.toolName);
  if (tool === undefined) return unknownTool(call, part);
  const resolved: ResolvedCall = { ...NOTHING, tool: tool.name, policy: tool.policy };
  // An answer that was cut is not worth validating: none of its calls will run (E9).
  if (index === null) return resolved;
  const parsed = await validate(call, tool, part.input);
  if ("code" in parsed) return { ...resolved, refusal: parsed };
  const callId = toolCallId(call.startedAt, index);
  const asked = { callId, tool, input: part.input, value: parsed.value };
  call.content.keepInput(callId, parsed.value);
  return authorise(
    call,
    resolved,
    call.services.interceptors.length === 0 ? asked : await intercept(call, asked),
  );
};

const unknownTool = ({ agent }: ModelCall, { toolName }: ToolCallPart): ResolvedCall => {
  const known = [...agent.tools.keys()].join(", ") || "none";
  const refusal = failure("TOOL_UNKNOWN", `There is no tool "${toolName.slice(0, 200)}". Tools: ${known}.`);
  return { ...NOTHING, tool: null, policy: NO_POLICY, refusal };
};

const validate = async (
  { services }: ModelCall,
  tool: Tool,
  input: JsonValue,
): Promise<(ParsedInput & { readonly ok: true }) | Failure> => {
  // guard E3: arguments that are no object are refused
  if (!isJsonObject(input))
    return failure(
      "TOOL_INPUT_INVALID",
      `The arguments of ${tool.name} were not a JSON object. Send the call again with valid JSON.`,
    );
  const parsed = await limited(services.clock, {
    work: tool.parseInput(input),
    limitMs: CHECK_LIMIT_MS,
    otherwise: () => UNCHECKED,
  });
  if (parsed.ok) return parsed;
  return failure(
    "TOOL_INPUT_INVALID",
    `The arguments of ${tool.name} are not valid: ${parsed.issues.join("; ")}`,
  );
};

type Asked = {
  readonly callId: CallId;
  readonly tool: Tool;
  readonly input: JsonValue;
  readonly value: unknown;
};
type Looked =
  | Asked
  | { readonly refusal: Failure }
  | { readonly replacement: NonNullable<ResolvedCall["replacement"]> };

const intercept = async (
  call: ModelCall,
  asked: Asked,
): Promise<Looked & { readonly isChanged?: boolean }> => {
  const { services, sessionId } = call;
  const { callId, tool } = asked;
  const session = await call.content.context();
  const about = { session, agent: call.agent.name, runId: call.run.runId, callId };
  const found = await interceptCall({ ...asked, services, about });
  if (found.kind === "denied") return { refusal: found.why };
  if (found.kind === "replaced") {
    const place = { services, sessionId, tool, callId, edited: null, insteadOf: null, intercept: null };
    return { replacement: await finishCall(place, found.output) };
  }
  call.content.keepInput(callId, found.value);
  return { ...asked, input: found.input, value: found.value, isChanged: found.isChanged };
};

const authorise = async (
  call: ModelCall,
  resolved: ResolvedCall,
  looked: Looked & { readonly isChanged?: boolean },
): Promise<ResolvedCall> => {
  if ("refusal" in looked || "replacement" in looked) return { ...resolved, ...looked };
  const { isChanged = false, ...asked } = looked;
  const checked = isChanged ? { ...resolved, changed: asked.input } : resolved;
  if (call.agent.approval === undefined) return checked;
  const session = await call.content.context();
  const proposed = await proposeApproval({ ...call, ...asked, session, runId: call.run.runId });
  return proposed !== null && isRefusal(proposed)
    ? { ...checked, refusal: proposed }
    : { ...checked, approval: proposed };
};
