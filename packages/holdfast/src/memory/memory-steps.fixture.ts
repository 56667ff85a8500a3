import fc from "fast-check";
import type { MemoryBatch, MemoryChange, MemoryReader, MemoryStore } from "../ports/memory-store.ts";

const NOW = 1_700_000_000_000;
const name = fc.constantFrom(null, "ann", "bob");
const viewer = fc.record({ tenant: fc.constantFrom(null, "acme"), user: name, agent: name, session: name });
const words = fc
  .array(fc.constantFrom("boat", "boats", "cat", "house", "hose", "Paris", "the", "東京", "x"), {
    minLength: 1,
    maxLength: 6,
  })
  .map((some) => some.join(" "));

export type MemoryStep = {
  readonly kind: "add" | "correct" | "supersede" | "promote" | "forget" | "erase" | "sweep" | "again";
  readonly viewer: { readonly tenant: string | null } & Extract<
    MemoryReader,
    { readonly user: string | null }
  >;
  readonly text: string;
  readonly isOwn: boolean;
  readonly isTrusted: boolean;
  readonly isOperator: boolean;
  readonly subject: string | null;
  readonly pick: number;
  readonly later: number;
};

/** Anything that may be done to a memory. */
export const memoryStep: fc.Arbitrary<MemoryStep> = fc.record({
  kind: fc.constantFrom(
    "add",
    "add",
    "add",
    "correct",
    "supersede",
    "promote",
    "forget",
    "erase",
    "sweep",
    "again",
  ),
  viewer,
  text: words,
  isOwn: fc.boolean(),
  isTrusted: fc.boolean(),
  isOperator: fc.boolean(),
  subject: fc.constantFrom(null, "home", "pet"),
  pick: fc.nat(30),
  later: fc.nat(5),
});

const changeOf = (step: MemoryStep, ids: readonly string[]): MemoryChange => {
  const { viewer: by, text, isTrusted, subject, pick } = step;
  const id = ids[pick % Math.max(ids.length, 1)] ?? "mem_none";
  const source = by.session === null ? null : { sessionId: by.session, position: pick };
  switch (step.kind) {
    case "correct":
    case "supersede":
      return { do: step.kind, id, text, origin: "user", isTrusted, source };
    case "promote":
    case "forget":
      return { do: step.kind, id };
    default: {
      const scope = { ...by, user: step.isOwn ? by.user : null, session: null, namespace: subject ?? "" };
      const kind = pick % 3 === 0 ? "episode" : "fact";
      const expiresAt = pick % 7 === 0 ? NOW + 20 : null;
      return {
        do: "add",
        memory: { scope, kind, text, subject, source, origin: "user", isTrusted, expiresAt },
      };
    }
  }
};

/** What a store answers to all steps, and what every viewer finds and lists in the end. */
export const playSteps = async (
  memory: MemoryStore,
  steps: readonly MemoryStep[],
): Promise<readonly unknown[]> => {
  const told: unknown[] = [];
  const ids: string[] = [];
  let now = NOW;
  for (const [at, each] of steps.entries()) {
    now += each.later;
    const { tenant, user } = each.viewer;
    if (each.kind === "erase") {
      told.push(await memory.erase(user === null ? { tenant, session: "ann" } : { tenant, user }));
    } else if (each.kind === "sweep") {
      told.push(await memory.sweep({ now }));
    } else {
      const by: MemoryReader = each.isOperator ? { operatorOf: tenant } : each.viewer;
      const key = each.kind === "again" ? `key ${each.pick}` : `step ${at}`;
      const batch: MemoryBatch = { by, key, now, changes: [changeOf(each, ids)] };
      const answers = await memory.write(batch);
      ids.push(...answers.flatMap((answer) => ("id" in answer ? [answer.id] : [])));
      told.push(answers);
    }
    const query = { viewer: each.viewer, text: each.text, now, limit: 20 };
    told.push((await memory.search(query)).map(({ record, score }) => [record.id, score.toFixed(9)]));
    told.push(await memory.list({ reader: each.viewer, limit: 50, all: true }));
  }
  for (const id of ids) told.push(await memory.history({ operatorOf: "acme" }, id));
  return told;
};
