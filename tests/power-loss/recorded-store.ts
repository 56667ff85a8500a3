import type {
  CommitRequest,
  CreateRequest,
  JournalStore,
  NewSignal,
} from "../../packages/holdfast/src/ports/journal-store.ts";
import type { PostedInput, Say } from "./witness.ts";

const text = (hash: Uint8Array): string => Buffer.from(hash).toString("base64url");

const inputOf = (signal: NewSignal): PostedInput => ({
  sessionId: signal.sessionId,
  kind: signal.kind,
  key: signal.dedupeKey,
  runId: signal.runId,
  body: signal.body,
  blobs: signal.blobs.map(({ digest }) => digest),
});

/** The store, with a witness at its door: what it is asked before it is, what it answered as soon as it has. */
export const recordedStore = (
  store: JournalStore,
  { say, name, isRelaxed }: { readonly say: Say; readonly name: string; readonly isRelaxed: boolean },
): JournalStore => {
  let last = 0;
  const nextId = (): string => `${name}${(last += 1)}`;

  const create = async (request: CreateRequest): Promise<"created" | "exists"> => {
    const id = nextId();
    const { sessionId, events } = request;
    const hashes = events.map(({ hash }) => text(hash));
    const attempt = { sessionId, from: 0, hashes, consume: [], blobs: [], status: "pending" };
    say({ say: "try", id, attempt });
    const answer = await store.create(request);
    if (answer === "created") say({ say: "stored", id, isDurable: true });
    return answer;
  };

  const commit = async (request: CommitRequest) => {
    const id = nextId();
    const { sessionId, events, consume, blobs, expect, summary } = request;
    say({
      say: "try",
      id,
      attempt: {
        sessionId,
        from: expect.position,
        hashes: events.map(({ hash }) => text(hash)),
        consume,
        blobs: blobs.map(({ digest }) => digest),
        status: summary.status,
      },
    });
    const answer = await store.commit(request);
    const isDurable = !isRelaxed || request.mustSync || request.post.length > 0;
    if (answer.status === "ok") say({ say: "stored", id, isDurable });
    return answer;
  };

  const post = async (signals: readonly NewSignal[]) => {
    const id = nextId();
    say({ say: "post", id, inputs: signals.map(inputOf) });
    const answers = await store.post(signals);
    const posted = answers.map((answer) => (answer.status === "posted" ? answer.signalId : null));
    say({ say: "posted", id, signals: posted });
    return answers;
  };

  const erase = async (...[sessionId, options]: Parameters<JournalStore["erase"]>): Promise<void> => {
    const id = nextId();
    say({ say: "erase", id, sessionId, upTo: options?.upTo ?? null });
    await store.erase(sessionId, options);
    say({ say: "erased", id });
  };

  const own = { create, commit, post, erase };
  return new Proxy(store, {
    get: (target, property) => {
      if (Object.hasOwn(own, property)) return Reflect.get(own, property);
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
};
