import { describe, expect, it } from "vitest";
import { ToolError } from "../core/errors.ts";
import type { ToolContext } from "../ports/tool.ts";
import { createTestRuntime } from "../testing/index.ts";
import {
  agentOf,
  journalOf,
  keepingLogger,
  makeDoor,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import type { Secrets, SessionEvent } from "./index.ts";

const SECRET = 'sk-"live"/+é\\42 & more';
const SPELLINGS = {
  raw: SECRET,
  url: encodeURIComponent(SECRET),
  json: JSON.stringify(SECRET).slice(1, -1),
  base64: Buffer.from(SECRET).toString("base64"),
  base64url: Buffer.from(SECRET).toString("base64url"),
};
/** How a secret looks in the middle of `user:secret`, as every HTTP client sends it. */
const BASIC = Buffer.from(`user:${SECRET}`).toString("base64");
/** No six characters of the secret may be found, in any spelling that JSON text may have. */
const shown = (text: string): readonly string[] =>
  [...Object.values(SPELLINGS), SPELLINGS.json, BASIC].filter(
    (spelling) => text.includes(spelling) || text.includes(JSON.stringify(spelling).slice(1, -1)),
  );

type Use = (secret: string, context: ToolContext) => unknown;

/** Runs a tool that asks for the secret and does something with it; answers everything that can be seen. */
const expose = async (
  use: Use,
  more: { tool?: Partial<Parameters<typeof toolOf>[0]>; secrets?: Secrets } = {},
) => {
  const act = toolOf({
    name: "act",
    effect: "read",
    timeoutMs: 1_000,
    execute: (_, context) => use(context.secret("KEY"), context),
    ...more.tool,
  });
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: JSON.stringify(toolResults) } : { toolCalls: [{ name: "act" }] },
  );
  const agent = agentOf({ model, tools: [act] });
  const logger = keepingLogger();
  const test = await createTestRuntime({
    agents: [agent],
    logger,
    secrets: more.secrets ?? { KEY: SECRET },
  });
  const session = await test.runtime.createSession(agent);
  const run = await session.send("go");
  const events: SessionEvent[] = [];
  const watching = (async () => {
    for await (const event of run.events({ after: 0 })) events.push(event);
  })();
  const outcome = await within(test, run.outcome(), 10_000);
  if (outcome.status !== "suspended") await watching;
  await test.advanceTime(2_000);
  const seen = JSON.stringify([
    outcome,
    events,
    await journalOf(test, session.id),
    logger.lines,
    model.requests.map(({ messages, system }) => ({ messages, system })),
  ]);
  return { seen, outcome, logger };
};

describe("a secret that a tool asked for", () => {
  it.each(Object.entries(SPELLINGS))(
    "O2 is nowhere to be seen when it is given back: %s",
    async (_, spelling) => {
      const { seen, outcome } = await expose(() => ({
        deep: [{ [spelling]: `a ${spelling} b` }],
        plain: spelling,
      }));
      expect(shown(seen)).toEqual([]);
      expect(seen).toContain("[secret:KEY]");
      expect(outcome.status).toBe("completed");
    },
  );

  it("O2 is nowhere to be seen inside basic credentials, wherever it begins", async () => {
    for (const user of ["", "a", "ab", "abc", "user"]) {
      const credentials = Buffer.from(`${user}:${SECRET}:`).toString("base64");
      const { seen } = await expose(() => `Basic ${credentials}`);
      const core = Buffer.from(SECRET).toString("base64").slice(4, 20);
      expect(seen).not.toContain(credentials);
      expect(seen).not.toContain(core);
      expect(seen).toContain("[secret:KEY]");
    }
  });

  it("O2 is nowhere to be seen when it is a number", async () => {
    const { seen } = await expose((key) => ({ account: Number(key) }), {
      secrets: { KEY: "4111222233334444" },
    });
    expect(seen).not.toContain("4111222233334444");
  });

  it("O2 is nowhere to be seen in a failure, its details and its causes", async () => {
    const { seen } = await expose((key) => {
      const cause = new TypeError(`fetch ${key} failed`, { cause: new RangeError(`deeper: ${key}`) });
      throw new ToolError(`no luck with ${key}`, { cause, retryable: false, details: { key, list: [key] } });
    });
    expect(shown(seen)).toEqual([]);
    expect(seen).toContain("no luck with [secret:KEY]");
  });

  it("O2 is nowhere to be seen where a long message was shortened in the middle of it", async () => {
    const { seen } = await expose((key) => {
      throw new TypeError(`${"x".repeat(1_990)}${key}`);
    });
    expect(seen).not.toContain(JSON.stringify(SECRET.slice(0, 8)).slice(1, -1));
  });

  it("O2 is nowhere to be seen in what the tool logs and says of its progress", async () => {
    const { seen, logger } = await expose((key, { log, progress }) => {
      log.info(`using ${key}`, { key, nested: { url: `https://x/?k=${encodeURIComponent(key)}` } });
      log.error("failed", { error: new TypeError(`bad ${key}`) });
      progress(`calling with ${key}`);
      return "ok";
    });
    expect(shown(seen)).toEqual([]);
    expect(seen).toContain("using [secret:KEY]");
    expect(seen).toContain("calling with [secret:KEY]");
    expect(logger.lines.map((line) => line.message)).toContain("using [secret:KEY]");
  });

  it("O2 is nowhere to be seen in a file, which is left out then", async () => {
    const { seen } = await expose((key) => [
      { type: "file", mediaType: "text/plain", data: Buffer.from(`key=${key}\n`) },
      { type: "text", text: "see the file" },
    ]);
    expect(seen).not.toContain(Buffer.from(`key=${SECRET}\n`).toString("base64"));
    expect(seen).toContain("left out");
  });

  it("O2 is nowhere to be seen in a late result", async () => {
    const door = makeDoor();
    const { seen } = await expose(async (key, { signal }) => {
      signal.addEventListener("abort", door.open);
      await door.opened;
      return `late ${key}`;
    });
    expect(shown(seen)).toEqual([]);
  });

  it("O2 is nowhere to be seen in what `verify` finds", async () => {
    const { seen } = await expose(
      (key) => {
        throw new TypeError(`lost ${key}`);
      },
      {
        tool: {
          effect: "write",
          verify: async (_, { secret }) => ({ status: "unknown", evidence: { found: secret("KEY") } }),
        },
      },
    );
    expect(shown(seen)).toEqual([]);
  });

  it("O2 that does not exist fails the tool by its name", async () => {
    const { seen } = await expose(() => "never", { secrets: {} });
    expect(seen).toContain("SECRET_NOT_FOUND");
  });
});
