import { isHoldfastError, ToolError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/json.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { answerFailure } from "./answer-failure.ts";
import { authorise, type Authority, type Proof } from "./authorise.ts";
import { type ApiRequest, buildRequest, type RequestPlan } from "./build-request.ts";
import type { HeaderValue } from "./openapi-options.ts";
import type { SecurityAlternative } from "./operation.ts";
import { readAnswer } from "./read-answer.ts";
import { sendRequest } from "./send-request.ts";
import type { RequestValues } from "./tool-input.ts";

/** How an operation is called; the same for all its calls. */
export type CallPlan = {
  readonly request: RequestPlan;
  readonly authority: Authority;
  readonly needed: SecurityAlternative | null;
  readonly headers: readonly (readonly [string, HeaderValue])[];
  readonly maxResponseBytes: number;
  readonly now: (() => number) | null;
};

/** Calls an operation of an API, and returns what it answers. */
export const callOperation = async (
  plan: CallPlan,
  values: RequestValues,
  context: ToolContext,
): Promise<JsonValue> => {
  const { operation } = plan.request;
  const what = `${operation.method} ${operation.path}`;
  const { workspace, idempotencyKey } = context;
  const request = await buildRequest(plan.request, {
    values,
    idempotencyKey,
    readFile: (path) => workspace.read(path),
  });
  const { response, secrets } = await send(plan, request, { context, what });
  if (!response.ok && response.status !== 304) {
    const isRepeated = context.attempt > 1 && plan.request.idempotencyHeader !== null;
    throw await answerFailure(response, { what, secrets, isRepeated, now: plan.now });
  }
  const fileName = `api-answers/${context.callId.replaceAll(/[^\w-]/g, "_")}`;
  const settings = { maxBytes: plan.maxResponseBytes, workspace, fileName, secrets };
  return await readAnswer(response, operation.method, settings).catch((thrown: unknown) => {
    const why = isHoldfastError(thrown) ? thrown.message : "it could not be read to the end.";
    // Whatever is thrown here may say of itself that nothing was done; but the request was.
    throw new ToolError(`${what} answered ${response.status}, but its answer was lost: ${why}`, {
      cause: thrown,
    });
  });
};

type Sent = { readonly response: Response; readonly secrets: readonly string[] };

/** A token that was refused is renewed once; a request that is refused for want of one did nothing. */
const send = async (
  plan: CallPlan,
  request: ApiRequest,
  { context, what }: { readonly context: ToolContext; readonly what: string },
): Promise<Sent> => {
  const { signal } = context;
  const proof = await proofOf(plan, context);
  const response = await sendRequest(request, proof, { what, signal });
  if (response.status !== 401 || proof.renew === null) return { response, secrets: proof.secrets };
  await response.body?.cancel().catch(() => undefined);
  proof.renew();
  const renewed = await proofOf(plan, context);
  const secrets = [...proof.secrets, ...renewed.secrets];
  return { response: await sendRequest(request, renewed, { what, signal }), secrets };
};

const proofOf = async (plan: CallPlan, context: ToolContext): Promise<Proof> => {
  const proof = await authorise(plan.needed, plan.authority, context);
  const own = await Promise.all(
    plan.headers.map(async ([name, value]) => ({
      pair: [name, typeof value === "string" ? value : await headerValue(name, value, context)] as const,
      isSecret: typeof value !== "string",
    })),
  );
  const secrets = own.flatMap(({ pair, isSecret }) => (isSecret ? [pair[1]] : []));
  return {
    ...proof,
    headers: [...own.map(({ pair }) => pair), ...proof.headers],
    secrets: [...proof.secrets, ...secrets],
  };
};

const headerValue = async (
  name: string,
  value: (context: ToolContext) => string | Promise<string>,
  context: ToolContext,
): Promise<string> => {
  try {
    return await value(context);
  } catch {
    // What it says may have the credential in it.
    throw new ToolError(`The value of the header ${name} is not to be had.`, {
      executed: false,
      retryable: false,
      hint: `The function that "headers" of openapiTools gives for ${name} threw: look at what it does.`,
    });
  }
};
