import { createSystemClock } from "../../packages/holdfast/src/runtime/index.ts";
import { asideOf, type Random } from "../../packages/holdfast/src/testing/simulation/random.ts";
import {
  createModelServer,
  type ModelServer,
  type WireSent,
  type WireStep,
  type WireTurn,
} from "../../packages/holdfast/src/testing/wire/index.ts";
import { isJsonObject, type JsonValue } from "../../packages/holdfast/src/core/json.ts";

/** US dollars for a million tokens: what the provider charges, and what the runtime is told. */
export const PRICES = {
  "local/big": { inputPerMTok: 3, outputPerMTok: 15 },
  "local/small": { inputPerMTok: 0.3, outputPerMTok: 1.5 },
} as const;

/** How long a stream may be silent before the runtime gives it up. */
export const GAP_MS = 1_000;

/** Tokens around each message, as OpenAI counts them. */
const TOKENS_PER_MESSAGE = 4;

/** What one play of a run is to be billed. */
type Account = { usd: number; calls: number; aborted: number };

/**
 * A provider over real HTTP that keeps books of its own: every prompt it reads and every token it writes, also of
 * answers that broke off or were hung up on. What it does in a run follows from the run's seed.
 */
export class Provider {
  readonly #accounts = new Map<string, Account>();
  readonly #asked = new Map<string, number>();
  #server: ModelServer | null = null;

  async open(): Promise<string> {
    this.#server = await createModelServer({
      clock: createSystemClock(),
      script: (turn) => this.#step(turn),
      onSent: (sent) => this.#bill(sent),
    });
    return `${this.#server.url}/v1`;
  }

  close(): Promise<void> {
    return this.#server?.close() ?? Promise.resolve();
  }

  /** What is billed to everybody whose name begins so. */
  billed(prefix: string): Account {
    const sum = { usd: 0, calls: 0, aborted: 0 };
    for (const [name, { usd, calls, aborted }] of this.#accounts) {
      if (!name.startsWith(prefix)) continue;
      sum.usd += usd;
      sum.calls += calls;
      sum.aborted += aborted;
    }
    return sum;
  }

  #step(turn: WireTurn): WireStep {
    const name = nameIn(turn.body);
    const asked = this.#asked.get(name) ?? 0;
    this.#asked.set(name, asked + 1);
    return stepOf(name, asked, turn);
  }

  #bill({ model, body, frames }: WireSent): void {
    const name = nameIn(body);
    const { inputPerMTok, outputPerMTok } = PRICES[model === "small" ? "local/small" : "local/big"];
    const { charsPerToken } = natureOf(name);
    const written = frames.reduce((sum, text) => sum + charsIn(text), 0);
    const usage = {
      input: promptTokens(body, charsPerToken),
      output: Math.ceil(written / charsPerToken),
    };
    const account = this.#accounts.get(name) ?? { usd: 0, calls: 0, aborted: 0 };
    account.usd += (usage.input * inputPerMTok + usage.output * outputPerMTok) / 1e6;
    account.calls += 1;
    if (!frames.at(-1)?.includes("[DONE]")) account.aborted += 1;
    this.#accounts.set(name, account);
  }
}

/** The first words of a person in a prompt name the run, and which time it is played. */
const nameIn = (body: WireTurn["body"]): string => {
  const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
  const first = messages.find((message) => isJsonObject(message) && message["role"] === "user");
  return /run \d+[a-z]*/.exec(JSON.stringify(first ?? ""))?.[0] ?? "run 0";
};

/** What one run is like: the same whenever it is played. */
type Nature = { readonly turns: number; readonly charsPerToken: number; readonly faultRate: number };

const natureOf = (name: string): Nature => {
  const random = asideOf(Number(/\d+/.exec(name)?.[0] ?? 0), "nature");
  return {
    turns: random.between(1, 7),
    // From dense code to long words.
    charsPerToken: random.between(24, 55) / 10,
    faultRate: random.pick([0, 0, 0.1, 0.3]),
  };
};

const stepOf = (name: string, asked: number, turn: WireTurn): WireStep => {
  const seed = Number(/\d+/.exec(name)?.[0] ?? 0);
  const { turns, charsPerToken, faultRate } = natureOf(name);
  const random = asideOf(seed, `call ${asked}`);
  const most = Number(turn.body["max_completion_tokens"] ?? turn.body["max_tokens"] ?? 4_000);
  // It wants to write so much, and is cut at what it may.
  const wanted = Math.floor(random.between(20, 900) ** 2 / 900);
  const written = Math.min(wanted, most);
  const text = textOf(random, Math.floor(written * charsPerToken) - 40);
  const usage = {
    inputTokens: promptTokens(turn.body, charsPerToken),
    outputTokens: Math.ceil(text.length / charsPerToken),
  };
  if (wanted > most) return { text, usage, finish: "length", deltas: 6 };
  const fault = random.chance(faultRate) ? faultOf(random) : {};
  const isLast = turnsDone(turn) >= turns - 1;
  if (isLast) return { text, usage, deltas: 6, ...fault };
  const input = { n: asked, size: random.between(1, 1_500) };
  const args = JSON.stringify(input).length;
  const outputTokens = Math.ceil((text.length + args) / charsPerToken);
  return {
    text,
    toolCalls: [{ name: "look", input }],
    usage: { ...usage, outputTokens },
    deltas: 6,
    ...fault,
  };
};

const turnsDone = ({ body }: WireTurn): number => {
  const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
  return messages.filter((message) => isJsonObject(message) && message["role"] === "tool").length;
};

/** The stream breaks off, falls silent until it is hung up on, or there is none. */
const faultOf = (random: Random): Pick<WireStep, "fault" | "gapMs"> => {
  switch (random.between(1, 4)) {
    case 1:
      return {
        fault: { kind: "cut", atByte: random.between(200, 4_000), how: random.pick(["end", "close"]) },
      };
    case 2:
      return { fault: { kind: "hang", afterFrames: random.between(1, 6) } };
    case 3:
      return { fault: { kind: "hang" } };
    default:
      return {
        fault: {
          kind: "refuse",
          reason: random.pick(["server-error", "rate-limit"]),
          headers: { "retry-after": "0" },
        },
      };
  }
};

const WORDS = ["harbour", "tide", "the", "of", "and", "lighthouse", "low", "water", "is", "at"] as const;

const textOf = (random: Random, chars: number): string => {
  let text = "";
  while (text.length < chars) text += `${random.pick(WORDS)} `;
  return text.slice(0, Math.max(1, chars));
};

const promptTokens = (body: WireTurn["body"], charsPerToken: number): number => {
  const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
  const chars =
    messages.reduce<number>((sum, message) => sum + charsOf(message), 0) + charsOf(body["tools"] ?? null);
  return Math.ceil(chars / charsPerToken) + TOKENS_PER_MESSAGE * (messages.length + 1);
};

/** Every text in a part of a prompt, keys and marks left out. */
const charsOf = (value: JsonValue): number => {
  if (typeof value === "string") return value.length;
  if (Array.isArray(value)) return value.reduce<number>((sum, each: JsonValue) => sum + charsOf(each), 0);
  if (isJsonObject(value)) return Object.values(value).reduce<number>((sum, each) => sum + charsOf(each), 0);
  return 0;
};

/** What a frame of a stream says: text and arguments. */
const charsIn = (frame: string): number => {
  const data = frame.replace(/^data: /, "").trim();
  if (!data.startsWith("{")) return 0;
  const parsed: JsonValue = JSON.parse(data);
  const choice = isJsonObject(parsed) && Array.isArray(parsed["choices"]) ? parsed["choices"][0] : undefined;
  const delta = choice !== undefined && isJsonObject(choice) ? choice["delta"] : undefined;
  if (delta === undefined || !isJsonObject(delta)) return 0;
  const content = typeof delta["content"] === "string" ? delta["content"].length : 0;
  const calls = Array.isArray(delta["tool_calls"]) ? delta["tool_calls"] : [];
  return calls.reduce<number>((sum, call) => sum + argumentsIn(call), content);
};

const argumentsIn = (call: JsonValue): number => {
  const made = isJsonObject(call) ? call["function"] : undefined;
  const args = made !== undefined && isJsonObject(made) ? made["arguments"] : undefined;
  return typeof args === "string" ? args.length : 0;
};
