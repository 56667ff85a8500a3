/** Measures the layers one by one, over a recording of a real run. */
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { serve } from "./parts/child.mjs";
import { measure } from "./parts/measure.mjs";
import { installed } from "./parts/set-up.mjs";
import { watchThreads } from "./parts/store-thread.mjs";
import { callOfTurn, INSTRUCTIONS, lookInput, QUESTION } from "./workload.mjs";

const recording = { isOn: false, requests: [], replies: [] };
watchThreads({
  onRequest: ({ writes }) => {
    if (recording.isOn && writes.length > 0) recording.requests.push(writes.slice());
  },
  onReply: ({ answers }) => {
    if (recording.isOn) recording.replies.push(answers.map(({ id }) => id));
  },
});

const { openPeer, benchModel } = await import("./peers/holdfast.mjs");
const { createInMemoryStore } = await import("holdfast/testing");
const { EMPTY_STATE, GENESIS_HASH, openEvent, plan, reduce, sealEvent, toJournalValue } =
  await import("holdfast/core");
const { putWrite, takeWrites } = await import(installed("stores/sqlite/codec.js"));
const { MessageWriter } = await import(installed("stores/sqlite/message-buffer.js"));
const { createSystemClock } = await import(installed("runtime/system-clock.js"));
const { sha256 } = await import(installed("runtime/node-sha256.js"));
const { Redactor } = await import(installed("engine/redactor.js"));
const { Transcript } = await import(installed("engine/transcript.js"));

const clock = createSystemClock();

/** Runs once for the record: what crossed to the store's thread, and how it was grouped into transactions. */
const record = async (peer, sessions) => {
  recording.isOn = true;
  await peer.run(sessions);
  recording.isOn = false;
  const requests = recording.requests.map((packed) => takeWrites(packed).map(withText));
  const writes = new Map(requests.flat().map(({ id, write }) => [id, write]));
  const transactions = recording.replies
    .map((ids) => ids.flatMap((id) => (writes.has(id) ? [writes.get(id)] : [])))
    .filter((group) => group.length > 0);
  return { packed: recording.requests, requests, transactions, journals: journalsOf(transactions) };
};

/** The store's thread never decodes what events say; here they are wanted as the main thread had them. */
const withText = ({ id, write }) => {
  const events = eventsOf(write).map((event) => ({
    ...event,
    header: textOf(event.header),
    payload: event.payload === null ? null : textOf(event.payload),
  }));
  if (write.kind !== "commit") return { id, write: { ...write, events } };
  return { id, write: { ...write, commit: { ...write.commit, events } } };
};

const textOf = (bytes) => Buffer.from(bytes).toString("utf8");

const eventsOf = (write) => (write.kind === "commit" ? write.commit.events : (write.events ?? []));
const sessionOf = (write) => (write.kind === "commit" ? write.commit.sessionId : write.sessionId);

/** Session id → its commits, each the events it added. */
const journalsOf = (transactions) => {
  const journals = new Map();
  for (const write of transactions.flat()) {
    const stored = eventsOf(write);
    if (stored.length === 0) continue;
    const commits = journals.get(sessionOf(write)) ?? [];
    journals.set(sessionOf(write), commits);
    commits.push(stored.map((event) => ({ stored: event, opened: openEvent(event) })));
  }
  return [...journals.values()];
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

const encodeLayer = (requests) => {
  for (const writes of requests) {
    const writer = new MessageWriter();
    for (const write of writes) putWrite(writer, write);
    writer.finish();
  }
};

const hopLayer = async (echo, messages) => {
  for (const message of messages) {
    const answered = once(echo, "message");
    echo.postMessage(message, [message.writes.buffer]);
    await answered;
  }
};

const rowsOf = (transactions) =>
  transactions.map((group) =>
    group.flatMap((write) =>
      eventsOf(write).map(({ position, hash, header, salt, payload }) => [
        1,
        position,
        hash,
        header,
        salt,
        payload,
      ]),
    ),
  );

const thread = (name, workerData) => {
  const worker = new Worker(new URL(name, import.meta.url), { workerData });
  worker.unref();
  return worker;
};

await serve(async ({ sessions, turns, dataDir }) => {
  const whole = await openPeer({ turns, dataDir });
  const unwatched = await openPeer({ turns, dataDir: `${dataDir}-unwatched`, isWatched: false });
  const inMemory = await openPeer({ turns, dataDir, store: createInMemoryStore({ clock }) });
  for (let round = 0; round < 5; round += 1) await whole.run(sessions);
  const { packed, requests, transactions, journals } = await record(whole, sessions);
  const conversations = conversationsOf(journals);
  const model = benchModel(turns);
  const echo = thread("./echo-thread.mjs");
  const path = join(dataDir, "bare.db");
  const bare = thread("./bare-sqlite-thread.mjs", { path, transactions: rowsOf(transactions) });
  const layers = {
    whole: () => whole.run(sessions),
    unwatched: () => unwatched.run(sessions),
    inMemory: () => inMemory.run(sessions),
    model: () => modelLayer(conversations, model),
    schema: () => schemaLayer({ sessions, turns }),
    plan: () => planLayer(journals),
    seal: () => sealLayer(journals),
    values: () => valuesLayer(journals),
    encode: () => encodeLayer(requests),
  };
  const measureLayer = async (layer) => {
    if (layer === "sqlite") {
      const answered = once(bare, "message");
      bare.postMessage("go");
      return (await answered)[0];
    }
    if (layer === "hop") {
      const messages = packed.map((writes, at) => ({ writes: writes.slice(), count: requests[at].length }));
      return measure(() => hopLayer(echo, messages));
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
    requests: requests.length,
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
