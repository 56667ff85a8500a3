import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, it } from "vitest";
import { charsIn } from "../core/chars.ts";
import type { Message } from "../core/message.ts";
import { reduce } from "../core/reduce.ts";
import { EMPTY_STATE } from "../core/session-state.ts";
import { likelyTokens } from "../core/token-gauge.ts";
import { scriptedModel, type Script } from "../models/index.ts";
import { createTestRuntime, type TestRuntime } from "../testing/create-test-runtime.ts";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import { agentOf, headersOf, journalOf, recordingModel, toolOf } from "../testing/scenario.fixture.ts";
import type { AgentDefinition } from "./index.ts";

/** Texts of which tokenizers make very different numbers of tokens. */
const TEXTS = {
  English:
    "The harbour master wrote down every ship that came in before the storm, and the two that never did. ",
  code: "export const sum = (values: readonly number[]): number => values.reduce((left, right) => left + right, 0);\n",
  JSON: '{"id":48213,"name":"Ida","tags":["a","b"],"balance":-12.75,"at":"2026-11-30T10:00:00Z"},',
  CJK: "港口的管理员记下了暴风雨来临之前进港的每一艘船，也记下了再也没有回来的那两艘。",
} as const;

const textOf = (kind: keyof typeof TEXTS, chars: number): string =>
  TEXTS[kind].repeat(Math.ceil(chars / TEXTS[kind].length)).slice(0, chars);

/** What a provider would count: the text of everything, with the real tokenizer of OpenAI's models, and a little around each message. */
const tokensOf = ({
  system,
  messages,
}: {
  readonly system: string | null;
  readonly messages: readonly Message[];
}) => messages.reduce((sum, message) => sum + countTokens(plainText(message)) + 4, countTokens(system ?? ""));

const plainText = (message: Message): string => {
  if (message.role === "tool")
    return message.results
      .map(({ output }) => (typeof output.value === "string" ? output.value : JSON.stringify(output.value)))
      .join("\n");
  return message.content.map((part) => (part.type === "text" ? part.text : JSON.stringify(part))).join("\n");
};

/** A model that reports what the real tokenizer counts, and remembers how much it was sent. */
const countingModel = (script: Exclude<Script, readonly unknown[]>) => {
  const counted: number[] = [];
  const model = recordingModel((turn) => {
    const tokens = tokensOf(turn);
    counted.push(tokens);
    return { usage: { inputTokens: tokens }, ...script(turn) };
  });
  return { model, counted };
};

const ask = async (test: TestRuntime, agent: AgentDefinition, texts: readonly string[]) => {
  const session = await test.runtime.createSession(agent, { key: "one" });
  // Files are written in their own time.
  for (const text of texts)
    expect(await (await session.send(text)).outcome()).toMatchObject({ status: "completed" });
  return session;
};

const lastPrompt = (model: ReturnType<typeof recordingModel>): string =>
  JSON.stringify(model.requests.at(-1)?.messages);

describe("working memory", () => {
  it("E6 tells in short, with positions, what left the window; the journal has it all", async () => {
    const model = recordingModel(({ lastUserText }) => ({
      text: `About ${lastUserText.slice(0, 11)}: yes.`,
    }));
    const agent = agentOf({ model, limits: { maxWindowChars: 8_000 } });
    const test = await createTestRuntime({ agents: [agent] });
    const questions = Array.from({ length: 8 }, (_, index) => `Question ${index}: ${"why ".repeat(400)}`);
    const session = await ask(test, agent, questions);
    const journal = await journalOf(test, session.id);
    const compacted = headersOf(journal, "context.compacted");
    expect(compacted.length).toBeGreaterThan(0);
    expect(compacted.at(-1)?.summaryChars).toBeGreaterThan(200);
    const accepted = journal.filter(({ header }) => header.type === "run.accepted");
    const told = lastPrompt(model);
    expect(told).toContain(`${accepted[0]?.position}: User: Question 0: why`);
    expect(told).toContain("You: About Question 1");
    expect(told.length).toBeLessThan(8_600);
    expect(accepted.map(({ payload }) => payload?.["content"])).toHaveLength(8);
    await test.close();
  });

  it("E6 cuts results of older turns to their head first, and says where the whole is", async () => {
    const tell = toolOf({ name: "tell", effect: "read", execute: () => `Begin. ${"word ".repeat(800)}End.` });
    const model = recordingModel(({ messages }) =>
      messages.length < 24 ? { toolCalls: [{ name: "tell" }] } : { text: "done" },
    );
    const agent = agentOf({ model, tools: [tell], limits: { maxWindowChars: 30_000, maxRepeats: 99 } });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await ask(test, agent, ["Tell me."]);
    const journal = await journalOf(test, session.id);
    const [first] = headersOf(journal, "context.compacted");
    expect(first).toMatchObject({ dropped: 0, summaryChars: 0 });
    expect(first?.shortened?.length).toBeGreaterThan(1);
    const at = first?.shortened?.[0];
    expect(lastPrompt(model)).toContain(
      `of 4011 characters are left. The whole is in the history, at ${at}.`,
    );
    expect(JSON.stringify(journal.find(({ position }) => position === at)?.payload)).toContain("End.");
    await test.close();
  });

  it("E5 what was rolled back is in no summary", async () => {
    const secret = "the blue door";
    const tell = toolOf({ name: "tell", effect: "read", execute: () => `${secret} ${"word ".repeat(500)}` });
    let calls = 0;
    const model = recordingModel(({ lastUserText, toolResults }) => {
      if (lastUserText.startsWith("Look") && calls++ < 12) return { toolCalls: [{ name: "tell" }] };
      if (lastUserText.startsWith("Look")) return { hang: true };
      return { text: toolResults.length > 0 ? "done" : "Noted." };
    });
    const agent = agentOf({ model, tools: [tell], limits: { maxWindowChars: 5_000, maxRepeats: 99 } });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await ask(test, agent, [`Remember the red door. ${"so ".repeat(600)}`]);
    const run = await session.send(`Look. ${"now ".repeat(100)}`);
    await test.advanceTime(1_000);
    expect(
      headersOf(await journalOf(test, session.id), "context.compacted").at(-1)?.summaryChars,
    ).toBeGreaterThan(0);
    expect(lastPrompt(model)).toContain(secret);
    await run.cancel({ mode: "rollback" });
    await test.advanceTime(1_000);
    await ask(test, agent, ["And now?"]);
    expect(lastPrompt(model)).not.toContain(secret);
    expect(lastPrompt(model)).toContain("the red door");
    await test.close();
  });

  it.each(deathsUpTo(7))("E6 goes on in the next process after dying $moment write $write", async (death) => {
    const model = scriptedModel(({ lastUserText }) => ({ text: `Yes: ${lastUserText}` }));
    const agent = agentOf({ model, limits: { maxWindowChars: 3_000 } });
    const texts = Array.from({ length: 3 }, (_, index) => `${index} ${"why ".repeat(200)}`);
    const act = async ({ runtime }: TestRuntime): Promise<void> => {
      const session = await runtime.createSession(agent, { key: "one" });
      for (const text of texts) await (await session.send(text, { idempotencyKey: text })).outcome();
    };
    const test = await throughDeaths({ agent, livesMs: 70_000 }, [death], act);
    const session = await test.runtime.createSession(agent, { key: "one" });
    const journal = await journalOf(test, session.id);
    expect(headersOf(journal, "run.completed")).toHaveLength(3);
    expect(headersOf(journal, "context.compacted").length).toBeGreaterThan(0);
    await test.close();
  });

  it.each(["English", "code", "JSON", "CJK"] as const)(
    "E6 knows after three turns how long a prompt of %s is, within a tenth",
    async (kind) => {
      const { model, counted } = countingModel(({ index }) => ({ text: textOf(kind, 700 + index * 40) }));
      const agent = agentOf({ model, instructions: textOf("English", 3_000) });
      const test = await createTestRuntime({ agents: [agent] });
      const session = await ask(test, agent, [textOf(kind, 900), textOf(kind, 1_500), textOf(kind, 1_100)]);
      for (const chars of [600, 4_000, 12_000]) {
        const before = (await journalOf(test, session.id)).reduce(reduce, EMPTY_STATE);
        const windowChars = before.windowChars + charsIn(textOf(kind, chars));
        const likely = likelyTokens({ ...before, windowChars });
        expect((await session.snapshot()).window).toEqual({
          entries: before.window.length,
          tokens: likelyTokens(before),
          maxTokens: null,
        });
        await ask(test, agent, [textOf(kind, chars)]);
        const real = counted.at(-1) ?? 0;
        expect(Math.abs(likely - real) / real).toBeLessThan(0.1);
      }
      await test.close();
    },
  );

  it("E6 stays within its tokens in every turn, by the real tokenizer, whatever its tools give", async () => {
    const LIMIT = 32_000;
    const sizes = [1_000, 20_000, 1_000_000, 3_000, 200_000];
    const kinds = ["English", "CJK", "code", "JSON", "CJK"] as const;
    let given = 0;
    const tell = toolOf({
      name: "tell",
      effect: "read",
      execute: () => {
        given += 1;
        return textOf(kinds[given % kinds.length] ?? "CJK", sizes[given % sizes.length] ?? 0);
      },
    });
    const { model, counted } = countingModel(({ toolResults, index }) =>
      toolResults.length === 0 || index % 7 !== 0
        ? { text: "More.", toolCalls: [{ name: "tell" }, { name: "tell" }] }
        : { text: "done" },
    );
    const agent = agentOf({
      model,
      tools: [tell],
      limits: { maxPromptTokens: LIMIT, maxTurns: 1_000, maxRepeats: 1_000 },
    });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await ask(
      test,
      agent,
      Array.from({ length: 25 }, (_, index) => `Go on with ${index}.`),
    );
    expect(counted.length).toBeGreaterThan(100);
    expect(Math.max(...counted)).toBeLessThanOrEqual(LIMIT);
    expect(headersOf(await journalOf(test, session.id), "context.compacted").length).toBeGreaterThan(5);
    await test.close();
  });

  it("E6 a prompt keeps its beginning from turn to turn, but for when the window is made shorter", async () => {
    const tell = toolOf({ name: "tell", effect: "read", execute: () => "word ".repeat(300) });
    const model = recordingModel(({ toolResults, index }) =>
      toolResults.length === 0 || index % 6 !== 0 ? { toolCalls: [{ name: "tell" }] } : { text: "done" },
    );
    const agent = agentOf({ model, tools: [tell], limits: { maxWindowChars: 40_000, maxRepeats: 99 } });
    const test = await createTestRuntime({ agents: [agent] });
    await ask(
      test,
      agent,
      Array.from({ length: 20 }, (_, index) => `Go on with ${index}.`),
    );
    const prompts = model.requests.map(({ messages }) => JSON.stringify(messages).slice(0, -1));
    let same = 0;
    let all = 0;
    for (const [index, prompt] of prompts.entries()) {
      const before = prompts[index - 1];
      if (before === undefined) continue;
      all += before.length;
      if (prompt.startsWith(before)) same += before.length;
    }
    expect(same / all).toBeGreaterThan(0.85);
    await test.close();
  });
});
