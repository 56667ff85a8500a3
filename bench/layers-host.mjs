/** Measures the layers one by one, over a recording of a real run. */
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { rowsOf } from "./parts/bare-sqlite.mjs";
import { serve } from "./parts/child.mjs";
import { measure } from "./parts/measure.mjs";
import { source } from "./parts/set-up.mjs";
import { watchThreads } from "./parts/store-thread.mjs";
import { callOfTurn, INSTRUCTIONS, lookInput, QUESTION } from "./workload.mjs";

const recording = { isOn: false, messages: [], replies: 0 };
watchThreads({
  // A copy, before its buffers are handed over.
  onRequest: (message) => void (recording.isOn && recording.messages.push(structuredClone(message))),
  onReply: () => void (recording.replies += 1),
});

const { openPeer, benchModel } = await import("./peers/holdfast.mjs");
const { createInMemoryStore } = await import("holdfast/testing");
const { EMPTY_STATE, GENESIS_HASH, openEvent, plan, reduce, sealEvent, toJournalValue } =
  await import("holdfast/core");
const { createSqliteStore } = await import("holdfast/stores");
const { createSystemClock } = await import(source("runtime/system-clock.ts"));
const { sha256 } = await import(source("runtime/node-sha256.ts"));
const { Redactor } = await import(source("engine/redactor.ts"));
const { Transcript } = await import(source("engine/transcript.ts"));

const clock = createSystemClock();

/** The store, keeping a record of what it was given; what one reply answered was one transaction. */
const recorded = (store) => {
  const transactions = new Map();
  const journals = new Map();
  const keep = async (sessionId, stored, answer) => {
    if (recording.isOn) {
      const commits = journals.get(sessionId) ?? [];
      journals.set(sessionId, commits);
      commits.push(stored.map((event) => ({ stored: event, opened: openEvent(event) })));
    }
    const value = await answer;
    if (recording.isOn) {
      const group = transactions.get(recording.replies) ?? [];
      transactions.set(recording.replies, [...group, ...stored]);
    }
    return value;
  };
  const handler = {
    get: (target, name) => {
      if (name === "commit")
        return (request) => keep(request.sessionId, request.events, target.commit(request));
      if (name === "create")
        return (request) => keep(request.sessionId, request.events, target.create(request));
      const member = target[name];
      return typeof member === "function" ? member.bind(target) : member;
    },
  };
  return { store: new Proxy(store, handler), transactions, journals };
};

/** One run for the record, in a store of its own. */
const record = async ({ sessions, turns, dataDir }) => {
  const { store, transactions, journals } = recorded(await createSqliteStore({ dataDir, clock }));
  const peer = await openPeer({ turns, dataDir, store });
  for (let round = 0; round < 5; round += 1) await peer.run(sessions);
  recording.isOn = true;
  await peer.run(sessions);
  recording.isOn = false;
  await peer.close();
  return {
    messages: recording.messages,
    transactions: [...transactions.values()].filter((events) => events.length > 0),
    journals: [...journals.values()],
  };
};

const everyEvent = (journals, visit) => {
  for (const commits of journals) for (const commit of commits) for (const event of commit) visit(event);
};

const planLayer = (journals) => {
  for (const commits of journals) {
    let state = EMPTY_STATE;
    for (const commit of commits) {
      for (const { opened } of commit) state = reduce(state, opened);
      plan(state, clock.now());
    }
  }
};

const sealLayer = (journals) => {
  for (const commits of journals) {
    let end = { position: 0, hash: GENESIS_HASH, at: 0 };
    for (const { opened } of commits.flat()) {
      const seal = { sha256, epoch: 1, now: clock.now(), salt: () => clock.randomBytes(32) };
      const { event, stored } = sealEvent(end, opened, seal);
      end = { position: event.position, hash: stored.hash, at: event.at };
    }
  }
};

const valuesLayer = (journals) => {
  const redactor = new Redactor();
  everyEvent(journals, ({ opened: { payload } }) => {
    if (payload !== null) redactor.value(toJournalValue(payload).value);
  });
};

const schemaLayer = async ({ sessions, turns }) => {
  for (let session = 0; session < sessions; session += 1) {
    for (let turn = 0; turn < turns - 1; turn += 1) {
      await lookInput["~standard"].validate(callOfTurn(turn, turns));
    }
  }
};

/** The conversations as the model gets them, turn by turn; made before anything is measured. */
const conversationsOf = (journals) =>
  journals.map((commits) => {
    const transcript = new Transcript();
    const prompts = [];
    for (const { opened } of commits.flat()) {
      transcript.push(opened);
      if (opened.header.type === "model-call.started") prompts.push([...transcript.messages()]);
    }
    return prompts;
  });

const modelLayer = async (conversations, model) => {
  const rest = { system: INSTRUCTIONS, tools: [], settings: {}, output: null, onDelta: () => undefined };
  const { signal } = new AbortController();
  for (const prompts of conversations) {
    for (const messages of prompts) await model.call({ ...rest, messages, signal });
  }
};

const buffersIn = (value) => {
  if (ArrayBuffer.isView(value)) return [value.buffer];
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.values(value).flatMap(buffersIn)
    : [];
};

const hopLayer = async (echo, messages) => {
  for (const message of messages) {
    const answered = once(echo, "message");
    echo.postMessage(message, buffersIn(message));
    await answered;
  }
};

const thread = (name, workerData) => {
  const worker = new Worker(new URL(name, import.meta.url), { workerData });
  worker.unref();
  return worker;
};

await serve(async ({ sessions, turns, dataDir }) => {
  const whole = await openPeer({ turns, dataDir });
  const unwatched = await openPeer({ turns, dataDir: `${dataDir}-unwatched`, isWatched: false });
  const inMemory = await openPeer({ turns, dataDir, store: createInMemoryStore({ clock }) });
  const { messages, transactions, journals } = await record({
    sessions,
    turns,
    dataDir: `${dataDir}-record`,
  });
  const commits = journals.flat().length;
  const conversations = conversationsOf(journals);
  const model = benchModel(turns);
  const echo = thread("./echo-thread.mjs");
  const path = join(dataDir, "bare.db");
  const bare = thread("./bare-sqlite-thread.mjs", { path, transactions: transactions.map(rowsOf) });
  const layers = {
    whole: () => whole.run(sessions),
    unwatched: () => unwatched.run(sessions),
    inMemory: () => inMemory.run(sessions),
    model: () => modelLayer(conversations, model),
    schema: () => schemaLayer({ sessions, turns }),
    plan: () => planLayer(journals),
    seal: () => sealLayer(journals),
    values: () => valuesLayer(journals),
  };
  const measureLayer = async (layer) => {
    if (layer === "sqlite") {
      const answered = once(bare, "message");
      bare.postMessage("go");
      return (await answered)[0];
    }
    if (layer === "hop") {
      const answers = Math.round(commits / messages.length);
      const copies = messages.map((message) => ({ message: structuredClone(message), answers }));
      return measure(() => hopLayer(echo, copies));
    }
    return measure(async () => layers[layer]());
  };
  const count = sessions * turns;
  let events = 0;
  let bytes = 0;
  everyEvent(journals, ({ stored }) => {
    events += 1;
    bytes += stored.header.length + (stored.payload?.length ?? 0) + 64;
  });
  const summary = {
    events,
    bytes,
    turns: count,
    requests: messages.length,
    transactions: transactions.length,
  };
  return {
    answer: async ({ layer }) => {
      if (layer === "record") return summary;
      globalThis.gc();
      const { wallMs, threadMs } = await measureLayer(layer);
      return { wallUs: (wallMs / count) * 1000, threadUs: (threadMs / count) * 1000 };
    },
    close: async () => {
      await Promise.all([whole.close(), unwatched.close(), inMemory.close()]);
    },
  };
});
