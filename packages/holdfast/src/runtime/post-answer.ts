import { toFailure, type Failure } from "../core/failure.ts";
import type { CallId } from "../core/ids.ts";
import type { NewSignal, PostAnswer } from "../ports/journal-store.ts";
import type { Answer } from "./answers.ts";

type Post = (
  signal: Answer["signal"] & Pick<NewSignal, "blobs" | "dedupeKey" | "onlyIfKnown">,
) => Promise<{ readonly status: PostAnswer["status"] }>;

/**
 * Posts an answer that is waited for. One that is not is never posted: it is no error when it is the very one that
 * was given, and refused else.
 */
export const postAnswer = async ({ signal, keys, onConflict, isLate }: Answer, post: Post): Promise<void> => {
  if (!isLate) {
    const { status } = await post({ ...signal, dedupeKey: keys[0], blobs: [] });
    // guard E4: the first answer wins
    if (status === "conflict") throw onConflict;
    return;
  }
  for (const dedupeKey of keys) {
    const { status } = await post({ ...signal, dedupeKey, blobs: [], onlyIfKnown: true });
    if (status === "duplicate") return;
  }
  throw onConflict;
};

type Fate = { readonly status: "accepted" } | { readonly status: "refused"; readonly failure: Failure };

/** Whether one of several results was taken. */
export type Submitted = { readonly callId: CallId } & Fate;

/** Whether one of several decisions was taken. */
export type Decided = { readonly approvalId: string } & Fate;

/** Does each, and says of each what came of it; what is wrong with one is no trouble to the others. */
export const eachByItself = <Item extends object>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<readonly (Pick<Item, keyof Item & ("callId" | "approvalId")> & Fate)[]> =>
  Promise.all(
    items.map(async (item) => {
      const named = nameOf(item);
      try {
        await work(item);
        return { ...named, status: "accepted" as const };
      } catch (thrown) {
        return { ...named, status: "refused" as const, failure: toFailure(thrown) };
      }
    }),
  );

const nameOf = <Item extends object>(item: Item): Pick<Item, keyof Item & ("callId" | "approvalId")> => {
  const names = ["callId", "approvalId"] as const;
  const found = names.flatMap((name) => (name in item ? [[name, Reflect.get(item, name)]] : []));
  return Object.fromEntries(found) as Pick<Item, keyof Item & ("callId" | "approvalId")>;
};
