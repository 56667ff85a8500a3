import { describe, expect, it } from "vitest";
import { createTestRuntime, type TestRuntime } from "../testing/index.ts";
import { agentOf, journalOf, makeDoor, recordingModel, toolOf, within } from "../testing/scenario.fixture.ts";
import type { ModelRequest } from "../ports/model.ts";
import {
  createRuntime,
  type AgentDefinition,
  type Run,
  type SessionEvent,
  type TextOptions,
} from "./index.ts";

const start = async (agent: AgentDefinition, retry = { maxAttempts: 3, initialDelayMs: 10 }) => {
  const test = await createTestRuntime({ agents: [agent], modelRetry: retry });
  const session = await test.runtime.createSession(agent);
  return { test, session, run: await session.send("go") };
};

/** A model whose pieces the test hands out one by one. */
const handedOut = () => {
  let request: ModelRequest | undefined;
  let said = "";
  const answer = makeDoor();
  const model = {
    provider: "p",
    modelId: "m",
    call: async (asked: ModelRequest) => {
      request = asked;
      await answer.opened;
      return {
        content: [{ type: "text" as const, text: said }],
        finish: "stop" as const,
        usage: null,
        metadata: {},
      };
    },
  };
  const say = (text: string): void => {
    said += text;
    request?.onDelta({ type: "text", text });
  };
  return { model, say, end: answer.open };
};

/** Reads a stream to its end, in the background; `failure` is how it broke off. */
const collect = <Item>(stream: AsyncIterable<Item>) => {
  const items: Item[] = [];
  const done = (async () => {
    for await (const item of stream) items.push(item);
  })();
  done.catch(() => undefined);
  return { items, done };
};

const positions = (events: readonly SessionEvent[]): readonly number[] =>
  events.flatMap((event) => (event.kind === "event" ? [event.position] : []));

const manyTurns = () =>
  recordingModel(({ messages }) =>
    messages.length < 12 ? { toolCalls: [{ name: "act" }, { name: "act" }] } : { text: "done", deltas: 3 },
  );
const act = toolOf({ name: "act", effect: "read", execute: () => 1 });

describe("a subscriber", () => {
  it("S5 gets every later event once, in order, from any cursor", async () => {
    const { test, session, run } = await start(
      agentOf({ model: manyTurns(), tools: [act], limits: { maxRepeats: Number.POSITIVE_INFINITY } }),
    );
    const live = collect(run.events({ after: 0 }));
    await within(test, live.done, 10_000);
    const all = (await journalOf(test, session.id)).map((event) => event.position);
    expect(positions(live.items)).toEqual(all);
    for (const after of all) {
      const later = collect(session.history({ after }));
      await later.done;
      expect(positions(later.items)).toEqual(all.filter((position) => position > after));
    }
  });

  it("S5 loses nothing when it reconnects with its last cursor, again and again", async () => {
    const { test, session, run } = await start(
      agentOf({ model: manyTurns(), tools: [act], limits: { maxRepeats: Number.POSITIVE_INFINITY } }),
    );
    const seen: number[] = [];
    const reading = (async () => {
      for (;;) {
        let taken = 0;
        for await (const event of session.events({ after: seen.at(-1) ?? 0 })) {
          if (event.kind !== "event") continue;
          seen.push(event.position);
          taken += 1;
          if (event.type === "run.completed") return;
          if (taken === 3) break;
        }
      }
    })();
    await within(test, Promise.all([reading, run.outcome()]), 10_000);
    expect(seen).toEqual((await journalOf(test, session.id)).map((event) => event.position));
  });

  it("S5 that is slow gets the same as one that is not", async () => {
    const { test, session, run } = await start(
      agentOf({ model: manyTurns(), tools: [act], limits: { maxRepeats: Number.POSITIVE_INFINITY } }),
    );
    const seen: number[] = [];
    const slow = (async () => {
      for await (const event of run.events({ after: 0 })) {
        await new Promise<void>((resolve) => void test.clock.startTimer(100, resolve));
        if (event.kind === "event") seen.push(event.position);
      }
    })();
    await within(test, slow, 60_000);
    expect(seen).toEqual((await journalOf(test, session.id)).map((event) => event.position));
  });

  it("S5 that falls far behind loses pieces, never events or words", async () => {
    const { model, say, end } = handedOut();
    const { test, session, run } = await start(agentOf({ model }));
    const text = run.textStream;
    const events = run.events({ after: 0 });
    await Promise.all([events.next(), test.clock.settle()]);
    say("0 ");
    const first = await text.next();
    for (let n = 1; n < 25_000; n += 1) say(`${n} `);
    end();
    await test.clock.settle();
    const rest = collect(text);
    const late = collect(events);
    await within(test, Promise.all([rest.done, late.done]), 1_000);
    const whole = Array.from({ length: 25_000 }, (_, n) => `${n} `).join("");
    expect([first.value, ...rest.items].join("") === whole).toBe(true);
    const all = (await journalOf(test, session.id)).map((event) => event.position);
    expect(positions(late.items)).toEqual(all.slice(1));
  });

  it("S5 that comes in the middle of an answer gets it from its beginning", async () => {
    const { model, say, end } = handedOut();
    const { test, run } = await start(agentOf({ model }));
    await test.clock.settle();
    say("Once ");
    say("upon ");
    const late = collect(run.events());
    const text = collect(run.textStream);
    await test.clock.settle();
    say("a time");
    await test.clock.settle();
    const deltas = late.items.flatMap((event) => (event.kind === "delta" ? [event] : []));
    expect(deltas.map(({ offset, text: piece }) => [offset, piece])).toEqual([
      [0, "Once upon "],
      [10, "a time"],
    ]);
    end();
    await within(test, text.done, 1_000);
    expect(text.items.join("")).toBe("Once upon a time");
  });

  it("S5 in another runtime on the same store sees what this one commits", async () => {
    const { test, session, run } = await start(
      agentOf({ model: manyTurns(), tools: [act], limits: { maxRepeats: Number.POSITIVE_INFINITY } }),
    );
    const other = await createRuntime({
      agents: [],
      store: test.store.attach(),
      clock: test.clock,
      isWorker: false,
    });
    const there = await other.getRun(run.id);
    const seen = collect(there.events({ after: 0 }));
    const text = collect(there.textStream);
    await within(test, Promise.all([seen.done, text.done]), 10_000);
    expect(positions(seen.items)).toEqual((await journalOf(test, session.id)).map((event) => event.position));
    expect(text.items.join("")).toBe("done");
    await other.close();
  });

  it("S5 sees what another process did before this one took over, though nobody announced it", async () => {
    const door = makeDoor();
    const wait = toolOf({ name: "act", effect: "read", execute: () => door.opened });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "act" }] },
    );
    const { test, session, run } = await start(agentOf({ model, tools: [wait] }));
    const store = test.store.attach();
    store.onChange = () => () => undefined;
    const other = await createRuntime({
      agents: [agentOf({ model, tools: [act] })],
      store,
      clock: test.clock,
    });
    const seen = collect((await other.getRun(run.id)).events({ after: 0 }));
    await test.clock.settle();
    door.open();
    await within(test, test.runtime.close(), 5_000);
    await within(test, seen.done, 10_000);
    const all = (await journalOf({ store }, session.id)).map((event) => event.position);
    expect(positions(seen.items)).toEqual(all);
    await other.close();
  });

  it("S5 that goes away is forgotten, and disturbs nobody", async () => {
    const { test, session, run } = await start(
      agentOf({ model: manyTurns(), tools: [act], limits: { maxRepeats: Number.POSITIVE_INFINITY } }),
    );
    for await (const event of session.events()) if (event.kind === "event") break;
    expect((await within(test, run.outcome(), 5_000)).status).toBe("completed");
  });

  it("S5 whose signal is aborted stops waiting, and the run goes on", async () => {
    const door = makeDoor();
    const wait = toolOf({ name: "act", effect: "read", execute: () => door.opened });
    const model = recordingModel([{ toolCalls: [{ name: "act" }] }, { text: "done" }]);
    const agent = agentOf({ model, tools: [wait] });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    const controller = new AbortController();
    const run = await session.send("go", { signal: controller.signal });
    const outcome = run.outcome();
    outcome.catch(() => undefined);
    const events = collect(run.events());
    await test.clock.settle();
    controller.abort();
    await expect(outcome).rejects.toMatchObject({ name: "AbortError" });
    await events.done;
    door.open();
    expect(await within(test, session.run(run.id).outcome(), 1_000)).toMatchObject({ text: "done" });
  });
});

describe("the text stream", () => {
  const read = async (test: TestRuntime, run: Run, options?: TextOptions) => {
    const text = collect(run.text(options));
    const failure = await within(
      test,
      text.done.then(
        () => null,
        (thrown: unknown) => thrown,
      ),
      20_000,
    );
    return { text: text.items.join("|"), failure };
  };

  it("S5 shows nothing of an attempt that failed before its first word", async () => {
    const model = recordingModel([
      { fail: { code: "MODEL_UNAVAILABLE" } },
      { reasoning: "hmm", text: "never shown", cutAfterChars: 3 },
      { text: "hello", deltas: 2 },
    ]);
    const { test, run } = await start(agentOf({ model }));
    expect(await read(test, run)).toEqual({ text: "hel|lo", failure: null });
  });

  it("S5 fails typed when it is cut after words were shown; the run goes on", async () => {
    const model = recordingModel([{ text: "hello world", cutAfterChars: 5 }, { text: "good evening" }]);
    const { test, run } = await start(agentOf({ model }));
    const { text, failure } = await read(test, run);
    expect(text).toBe("hello");
    expect(failure).toMatchObject({ code: "STREAM_INTERRUPTED" });
    expect(await within(test, run.outcome(), 1_000)).toMatchObject({ text: "good evening" });
  });

  it("S5 begins again when asked to", async () => {
    const model = recordingModel([{ text: "hello world", cutAfterChars: 5 }, { text: "good evening" }]);
    const { test, run } = await start(agentOf({ model }));
    expect(await read(test, run, { onCut: "restart" })).toEqual({
      text: "hello|good evening",
      failure: null,
    });
  });

  it("S5 gives each run its own text, each turn once", async () => {
    const model = recordingModel(({ toolResults, lastUserText }) =>
      toolResults.length > 0
        ? { text: ` and done ${lastUserText}`, deltas: 3 }
        : { text: `looking ${lastUserText}`, deltas: 2, toolCalls: [{ name: "act" }] },
    );
    const { test, session, run } = await start(agentOf({ model, tools: [act] }));
    const second = await session.send("two");
    const texts = [collect(run.textStream), collect(second.textStream)];
    await within(test, Promise.all(texts.map((text) => text.done)), 5_000);
    expect(texts.map((text) => text.items.join(""))).toEqual([
      "looking go and done go",
      "looking two and done two",
    ]);
    const replayed = collect(session.run(run.id).textStream);
    await replayed.done;
    expect(replayed.items.join("")).toBe("looking go and done go");
  });
});

describe("inputs while a run is active", () => {
  it("S4 J6 are worked one after another, in the order they came", async () => {
    const door = makeDoor();
    const wait = toolOf({ name: "act", effect: "read", execute: () => door.opened });
    const order: string[] = [];
    const model = recordingModel(({ lastUserText, toolResults }) => {
      if (lastUserText === "go" && toolResults.length === 0) return { toolCalls: [{ name: "act" }] };
      order.push(lastUserText);
      return { text: `re: ${lastUserText}` };
    });
    const { test, session, run } = await start(agentOf({ model, tools: [wait] }));
    await test.clock.settle();
    const more = await Promise.all(["a", "b", "c"].map((text) => session.send(text)));
    await test.clock.settle();
    expect((await session.snapshot()).queuedRuns).toEqual(more.map((other) => other.id));
    expect(order).toEqual([]);
    door.open();
    const outcomes = await within(test, Promise.all([run, ...more].map((each) => each.outcome())), 5_000);
    expect(order).toEqual(["go", "a", "b", "c"]);
    expect(outcomes.map((outcome) => outcome.status === "completed" && outcome.text)).toEqual(
      order.map((text) => `re: ${text}`),
    );
  });
});
