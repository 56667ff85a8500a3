import type { CallToolResult, InputRequiredResult } from "@modelcontextprotocol/client";
import { toJournalValue } from "../../core/journal-value.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import { OWN_FOLDER } from "../../definitions/own-folder.ts";
import type { Resumption, Suspension } from "../../ports/suspension.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { readForm, type FormRequest } from "./form-request.ts";
import type { Continuation } from "./mcp-call.ts";
import type { McpConnection } from "./mcp-connection.ts";
import { McpError } from "./mcp-error.ts";
import type { McpAnswer } from "./mcp-options.ts";
import type { McpServer } from "./mcp-server.ts";

type Parts = {
  readonly server: McpServer;
  readonly tool: string;
  readonly effect: ToolEffect;
  readonly context: ToolContext;
};

/** A round of the current protocol: what the server wants to know before it goes on, and its own note of where it was. */
type Round = {
  readonly requests: { readonly [id: string]: JsonValue };
  readonly responses: { readonly [id: string]: JsonValue };
  readonly requestState: string | null;
};

/** What is kept while somebody is waited for. */
type Kept = {
  /** Answers in the order of the questions, for a call that is made again from the start. */
  readonly answers: readonly McpAnswer[];
  /** The round that is waited in, and the question in it; null with the older protocol. */
  readonly round: Round | null;
  readonly waitingFor: string | null;
};

type Send = (
  continuation: Continuation,
  signal: AbortSignal,
) => Promise<CallToolResult | InputRequiredResult>;

/** What came of a call. */
export type Answered = { readonly result: CallToolResult; readonly note?: string };

const MAX_ROUNDS = 20;

/**
 * A call in which the server may ask something. With the current protocol it answers the call with its questions and a note of
 * where it was, and holds nothing: the call is suspended, and goes on with answers and note. With the older one it asks while
 * it works: a call that may be repeated is broken off, suspended, and made again from the start with the answers; a `write` may
 * have begun, so there the question is declined.
 */
export class CallWithQuestions {
  readonly #parts: Parts;
  readonly #stop = new AbortController();
  #answers: readonly McpAnswer[];
  #asked = 0;
  #round: Round | null;
  #open: FormRequest | null = null;
  #note: string | undefined;

  private constructor(parts: Parts, kept: Kept) {
    this.#parts = parts;
    this.#answers = kept.answers;
    this.#round = kept.round;
  }

  /** @throws McpError when what was kept of it cannot be read. */
  static async begin(parts: Parts): Promise<CallWithQuestions> {
    const { resume } = parts.context;
    const none: Kept = { answers: [], round: null, waitingFor: null };
    if (resume === null) return new CallWithQuestions(parts, none);
    return new CallWithQuestions(parts, withAnswer(await load(parts.context), answerOf(resume)));
  }

  /** What is answered to a question of the older protocol, while the server works on the call. */
  readonly answer = async (form: FormRequest): Promise<McpAnswer> => {
    const { elicitation } = this.#parts.server.settings;
    if (typeof elicitation === "function") return elicitation(this.#questionOf(form), this.#parts.context);
    if (elicitation === "decline" || this.#parts.effect === "write") return this.#decline(form);
    const known = this.#answers[this.#asked];
    this.#asked += 1;
    if (known !== undefined) return known;
    this.#open = form;
    // The server is told that the call is off before it is told that nobody answered.
    this.#stop.abort("The call waits for an answer.");
    return { action: "cancel" };
  };

  /** Makes the call, round by round, until it has a result or somebody is to be waited for. */
  async run(send: Send, connection: McpConnection): Promise<Answered | Suspension> {
    const signal = AbortSignal.any([this.#parts.context.signal, this.#stop.signal]);
    for (let rounds = 0; rounds < MAX_ROUNDS; rounds += 1) {
      const waiting = this.#round === null ? null : await this.#settleRound(this.#round, connection);
      if (waiting !== null) return waiting;
      const sent = await this.#sent(send(continuationOf(this.#round), signal));
      if (sent === null) return this.#suspend(null);
      if (!isInputRequired(sent))
        return { result: sent, ...(this.#note === undefined ? {} : { note: this.#note }) };
      this.#round = roundOf(sent);
    }
    const { name } = this.#parts.server.settings;
    throw new McpError(`The MCP server "${name}" asked again and again, and was not answered any more.`, {
      hint: `It asked ${MAX_ROUNDS} times in this one call. A function given as "elicitation" may answer the same each time.`,
    });
  }

  /** Null where the call was broken off in order to ask. */
  async #sent(work: ReturnType<Send>): Promise<CallToolResult | InputRequiredResult | null> {
    try {
      return await work;
    } catch (thrown) {
      if (this.#open !== null && !this.#parts.context.signal.aborted) return null;
      throw thrown;
    }
  }

  async #settleRound(round: Round, connection: McpConnection): Promise<Suspension | null> {
    const responses: Record<string, JsonValue> = { ...round.responses };
    for (const [id, request] of Object.entries(round.requests)) {
      if (Object.hasOwn(responses, id)) continue;
      const response = await this.#respond(request, connection);
      this.#round = { ...round, responses };
      if (response === null) return this.#suspend(id);
      responses[id] = response;
    }
    this.#round = { ...round, responses };
    return null;
  }

  /** Null where somebody is to be asked. */
  async #respond(request: JsonValue, connection: McpConnection): Promise<JsonValue | null> {
    const { method, params = null } = isJsonObject(request) ? request : {};
    if (method === "roots/list") return toJournalValue({ roots: await connection.roots() }).value;
    const { settings } = this.#parts.server;
    if (method !== "elicitation/create")
      throw new McpError(
        `The MCP server "${settings.name}" asked for ${JSON.stringify(method)}, which it is not offered.`,
        {
          retryable: false,
        },
      );
    const form = readForm(params);
    if (form === null) return { action: "decline" };
    if (typeof settings.elicitation === "function")
      return toJournalValue(await settings.elicitation(this.#questionOf(form), this.#parts.context)).value;
    if (settings.elicitation === "decline") return toJournalValue(this.#decline(form)).value;
    this.#open = form;
    return null;
  }

  #questionOf({ message, requestedSchema }: FormRequest) {
    return { tool: this.#parts.tool, message, requestedSchema };
  }

  #decline({ message }: FormRequest): McpAnswer {
    const { name } = this.#parts.server.settings;
    this.#note = `[While it worked, ${name} asked: ${JSON.stringify(message.slice(0, 500))}. Nobody could be asked then, and it was declined.]`;
    return { action: "decline" };
  }

  async #suspend(waitingFor: string | null): Promise<Suspension> {
    const { context, server, tool } = this.#parts;
    const question = this.#open === null ? null : toJournalValue({ ...this.#questionOf(this.#open) }).value;
    const key = signalKey(server.settings.name, context.callId);
    const kept: Kept = { answers: this.#answers, round: this.#round, waitingFor };
    await context.workspace.write(keptFileOf(context), JSON.stringify(kept));
    await context.workspace.write(fileOf(context), JSON.stringify({ question, signal: key }));
    const asked = this.#open?.message.slice(0, 500) ?? "";
    context.progress(`${server.settings.name} asks: ${asked}`);
    context.log.info(`The tool "${tool}" waits for an answer, by the signal "${key}".`, { question });
    return context.suspend({ signal: key });
  }
}

/** The signal that brings the answer. */
const signalKey = (server: string, callId: string): string => `mcp:${server}:${callId}`;

/** Where the question is written for whoever answers it. */
const fileOf = ({ callId }: ToolContext): string => `mcp-questions/${callId}.json`;

/** What the call goes on with: a model that could write there could put answers into a person's mouth. */
const keptFileOf = (context: ToolContext): string => `${OWN_FOLDER}/${fileOf(context)}`;

const continuationOf = (round: Round | null): Continuation =>
  round === null
    ? {}
    : {
        inputResponses: { ...round.responses },
        ...(round.requestState === null ? {} : { requestState: round.requestState }),
      };

const isInputRequired = (result: CallToolResult | InputRequiredResult): result is InputRequiredResult =>
  "resultType" in result && result.resultType === "input_required";

const roundOf = ({ inputRequests, requestState }: InputRequiredResult): Round => {
  const { value } = toJournalValue(inputRequests ?? {});
  return { requests: isJsonObject(value) ? value : {}, responses: {}, requestState: requestState ?? null };
};

const withAnswer = (kept: Kept, answer: McpAnswer): Kept => {
  const { round, waitingFor } = kept;
  if (round === null || waitingFor === null) return { ...kept, answers: [...kept.answers, answer] };
  const responses = { ...round.responses, [waitingFor]: toJournalValue(answer).value };
  return { ...kept, round: { ...round, responses } };
};

/** An object with an action, as the protocol has it; any other is taken for the filled-in form. */
const answerOf = (resume: Resumption): McpAnswer => {
  if (resume.by !== "signal") return { action: "cancel" };
  const { value } = resume;
  if (!isJsonObject(value)) return { action: value === false || value === null ? "decline" : "accept" };
  const { action, content } = value;
  if (action === "decline" || action === "cancel") return { action };
  if (action === "accept")
    return { action, content: isJsonObject(content ?? null) ? (content as JsonObject) : {} };
  return { action: "accept", content: value };
};

const load = async (context: ToolContext): Promise<Kept> => {
  try {
    const kept: unknown = JSON.parse(
      Buffer.from(await context.workspace.read(keptFileOf(context))).toString("utf8"),
    );
    // Written by `#suspend`, in the session's own folder.
    if (isJsonObject(kept) && Array.isArray(kept["answers"])) return kept as Kept;
  } catch (cause) {
    throw lost(context, cause);
  }
  throw lost(context, undefined);
};

const lost = (context: ToolContext, cause: unknown): McpError =>
  new McpError(
    `What the call waited for cannot be read any more (${keptFileOf(context)} in the workspace).`,
    {
      executed: false,
      retryable: false,
      hint: `Leave the files of ${OWN_FOLDER}/mcp-questions/ as they are until their calls have ended; this one has to be made anew.`,
      cause,
    },
  );
