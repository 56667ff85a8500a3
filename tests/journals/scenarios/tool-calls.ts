import { ToolError, type Interceptor } from "holdfast";
import { agentOf, recordingModel, toolOf } from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { comeToRest, openScene, sendAndLeave, sendAndWait, type Scenario, use } from "../scenario.ts";

const many: Scenario = {
  name: "many-tools",
  about:
    "Good and bad calls in one answer: no such tool, arguments that are not JSON, results of every kind.",
  play: async () => {
    const names = ["look", "put", "pay", "odd", "none"];
    const calls = [
      ...names.map((name, n) => ({ name, input: { n } })),
      { name: "no_such_tool", input: { n: 1 } },
      { name: "look", input: "{ cut" },
      { name: "look", input: { again: true }, id: "same" },
      { name: "put", input: { again: true }, id: "same" },
    ];
    const model = recordingModel(({ toolResults }) =>
      toolResults.length === 0 ? { text: "All of them.", toolCalls: calls } : { text: "All done." },
    );
    const tools = [
      toolOf({ name: "look", effect: "read", execute: (input) => ({ saw: input }) }),
      toolOf({ name: "put", effect: "idempotent", idempotencyKey: () => "put-by-me", execute: () => "put" }),
      toolOf({ name: "pay", effect: "write", execute: () => [{ type: "text", text: "paid" }] }),
      toolOf({ name: "odd", effect: "read", execute: () => ({ n: 12n, s: "\uD800", x: Number.NaN }) }),
      toolOf({ name: "none", effect: "read", execute: () => undefined }),
    ];
    const limits = { maxParallelToolCalls: 2 };
    const scene = await openScene(agentOf({ model, tools, limits }));
    await sendAndWait(scene, "Do it all.");
    return scene;
  },
};

const retried: Scenario = {
  name: "tool-retries",
  about: "A read that works the third time, a write that says it did nothing, one that is given up.",
  play: async () => {
    let looks = 0;
    let payments = 0;
    const retry = { maxAttempts: 3, initialDelayMs: 20_000, maxDelayMs: 60_000 };
    const tools = [
      toolOf({
        name: "look",
        effect: "read",
        retry,
        execute: () => {
          looks += 1;
          if (looks < 3) throw new TypeError(`blind ${looks}`);
          return "seen";
        },
      }),
      toolOf({
        name: "pay",
        effect: "write",
        retry: { maxAttempts: 2, initialDelayMs: 500 },
        execute: () => {
          payments += 1;
          if (payments === 1) throw new ToolError("the till is shut", { executed: false, retryAfterMs: 700 });
          return "paid";
        },
      }),
      toolOf({
        name: "break",
        effect: "read",
        execute: () => {
          throw new ToolError("it is broken", { retryable: false });
        },
      }),
    ];
    const model = recordingModel(({ toolResults }) =>
      toolResults.length === 0
        ? { toolCalls: ["look", "pay", "break"].map((name) => ({ name, input: {} })) }
        : { text: "Done." },
    );
    const scene = await openScene(agentOf({ model, tools }));
    await sendAndWait(scene, "Try.");
    await scene.test.advanceTime(300_000);
    await scene.test.clock.settle();
    return scene;
  },
};

const files: Scenario = {
  name: "files",
  about: "A picture in the input, one in a result, and a result too long for the conversation.",
  play: async () => {
    const picture = (length: number): Uint8Array =>
      new Uint8Array(length).map((_, index) => (index * 7) % 251);
    const tools = [
      toolOf({
        name: "draw",
        effect: "read",
        execute: () => [
          { type: "text", text: "here" },
          { type: "image", mediaType: "image/png", data: picture(5_000) },
          { type: "file", mediaType: "text/plain", data: picture(12), filename: "small.txt" },
        ],
      }),
      toolOf({ name: "tell", effect: "read", maxOutputChars: 60, execute: () => "word ".repeat(50) }),
    ];
    const model = recordingModel(({ toolResults }) =>
      toolResults.length === 0
        ? { toolCalls: [{ name: "draw" }, { name: "tell" }] }
        : { text: "Seen and heard." },
    );
    const scene = await openScene(agentOf({ model, tools }));
    const run = await scene.session.send([
      { type: "text", text: "What is it?" },
      { type: "image", data: picture(300), mediaType: "image/png" },
      { type: "file", data: new URL("https://example.org/a.pdf"), mediaType: "application/pdf" },
    ]);
    // The long result goes to a real file: no clock is moved, nothing waits for one.
    await run.outcome();
    return scene;
  },
};

const erased: Scenario = {
  name: "erased-in-part",
  about: "The first run's content is erased; the next run is told that it was.",
  play: async () => {
    const model = recordingModel(({ toolResults, lastUserText }) =>
      lastUserText === "A secret." && toolResults.length === 0 ? use("look") : { text: "I heard." },
    );
    const look = toolOf({ name: "look", effect: "read", execute: () => "a secret too" });
    const scene = await openScene(agentOf({ model, tools: [look] }));
    await sendAndWait(scene, "A secret.");
    await scene.test.store.erase(scene.session.id, { upTo: (await scene.session.snapshot()).position });
    await sendAndWait(scene, "Something else.");
    return scene;
  },
};

const forgotten: Scenario = {
  name: "erased-whole",
  about: "Everything that was said is erased.",
  play: async () => {
    const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });
    const model = recordingModel([use("look"), { text: "Seen." }]);
    const scene = await openScene(agentOf({ model, tools: [look] }));
    await sendAndWait(scene, "Look.");
    await scene.test.runtime.erase(scene.session.id);
    return scene;
  },
};

const replaced: Scenario = {
  name: "tools-in-place-of-others",
  about:
    "A mirror answers for a tool that is away, and then its own last good answer; an interceptor changes, answers and refuses.",
  play: async () => {
    let isAway = false;
    const look = toolOf({
      name: "look",
      effect: "read",
      fallback: { tool: "mirror", lastGoodMs: 3_600_000 },
      execute: () => {
        if (isAway) throw new ToolError("fog");
        return "seen";
      },
    });
    const mirror = toolOf({
      name: "mirror",
      effect: "read",
      execute: (input) => {
        if ("twice" in input) throw new ToolError("fog there too");
        return "mirrored";
      },
    });
    const pay = toolOf({ name: "pay", effect: "write", execute: (input) => ({ paid: input }) });
    const model = recordingModel(({ lastUserText, toolResults }) => {
      if (toolResults.length > 0) return { text: "Well." };
      return lastUserText === "Pay."
        ? PAYMENTS
        : use("look", lastUserText === "Twice." ? { twice: true } : {});
    });
    const rule: Interceptor = {
      name: "rule",
      tools: ["pay"],
      before: ({ input }) => {
        const { cents } = input as { readonly cents: number };
        if (cents > 100) return { deny: "Too much." };
        return cents === 0 ? { output: "nothing to pay" } : { input: { cents: cents / 2 } };
      },
    };
    const agent = agentOf({ model, tools: [look, mirror, pay] });
    const scene = await openScene(agent, { interceptors: [rule] });
    await sendAndWait(scene, "Twice.");
    isAway = true;
    await sendAndWait(scene, "Once.");
    await sendAndWait(scene, "Twice.");
    await sendAndWait(scene, "Pay.");
    return scene;
  },
};

const PAYMENTS = { toolCalls: [0, 8, 800].map((cents) => ({ name: "pay", input: { cents } })) };

const waitsItsTurn: Scenario = {
  name: "tool-waits-its-turn",
  about: "Two calls of a tool that lets in one at a time; the second waits in the journal.",
  play: async () => {
    const opened = Promise.withResolvers<string>();
    const ask = toolOf({
      name: "ask",
      effect: "read",
      timeoutMs: 600_000,
      limits: { maxConcurrent: 1 },
      execute: () => opened.promise,
    });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "Both." } : { toolCalls: [{ name: "ask" }, { name: "ask" }] },
    );
    const scene = await openScene(agentOf({ model, tools: [ask] }));
    const run = await sendAndLeave(scene, "Ask twice.");
    await scene.test.advanceTime(20_000);
    opened.resolve("answered");
    await comeToRest(scene.test, run);
    return scene;
  },
};

export const TOOL_CALLS: readonly Scenario[] = [
  many,
  retried,
  files,
  erased,
  forgotten,
  replaced,
  waitsItsTurn,
];
