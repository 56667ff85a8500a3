import { ConfigurationError } from "../core/errors.ts";
import type {
  MemoryBatch,
  MemoryErasure,
  MemoryListQuery,
  MemorySearch,
  MemorySweep,
} from "../ports/memory-store.ts";
import { checkChange, checkReader, checkViewer } from "./check-change.ts";

const MAX_CHANGES = 1_000;
const MAX_KEY_CHARS = 1_000;
const MAX_QUERY_CHARS = 10_000;
const MAX_HITS = 200;
const MAX_PAGE = 1_000;

const refused = (message: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `Memory: ${message}.`);

/** A batch as it may be done: nobody else holds any part of it. @throws ConfigurationError `OPTION_INVALID` (K13). */
export const checkBatch = (batch: MemoryBatch): MemoryBatch => {
  const { key, now, changes } = batch;
  if (key !== null && (typeof key !== "string" || key === "" || key.length > MAX_KEY_CHARS))
    throw refused(`a key has 1 to ${MAX_KEY_CHARS} characters, or is null`);
  if (!Array.isArray(changes) || changes.length > MAX_CHANGES)
    throw refused(`a batch is a list of up to ${MAX_CHANGES} changes`);
  const by = checkReader(batch.by);
  const checked = changes.map(checkChange);
  for (const change of checked) {
    if (change.do !== "add") continue;
    const { tenant } = change.memory.scope;
    if (tenant !== ("operatorOf" in by ? by.operatorOf : by.tenant))
      throw refused("a record is added in the tenant of whoever adds it");
  }
  return { by, key, now: checkNow(now), changes: checked };
};

const checkNow = (now: number): number => {
  if (Number.isSafeInteger(now)) return now;
  throw refused('"now" is the time in whole milliseconds');
};

const atMost = (what: string, value: number, most: number): number => {
  if (Number.isSafeInteger(value) && value > 0) return Math.min(value, most);
  throw refused(`"${what}" must be a whole number above 0`);
};

export const checkSearch = (query: MemorySearch): MemorySearch & { readonly limit: number } => {
  if (typeof query.text !== "string") throw refused('"text" must be a string');
  return {
    ...query,
    viewer: checkViewer(query.viewer),
    text: query.text.slice(0, MAX_QUERY_CHARS),
    now: checkNow(query.now),
    limit: atMost("limit", query.limit ?? 10, MAX_HITS),
  };
};

export const checkList = (query: MemoryListQuery): MemoryListQuery => ({
  ...query,
  reader: checkReader(query.reader),
  limit: atMost("limit", query.limit, MAX_PAGE),
});

/** What a page's cursor says. @throws ConfigurationError `OPTION_INVALID` when it is none. */
export const readCursor = (cursor: string | undefined): number => {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER;
  const number = /^\d{1,15}$/.test(cursor) ? Number(cursor) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw refused("the cursor is not one of a page");
};

/** @throws ConfigurationError `OPTION_INVALID` when it does not say clearly what is to be erased. */
export const checkErasure = (what: MemoryErasure): MemoryErasure => {
  const { tenant } = what;
  if (tenant !== null && typeof tenant !== "string") throw refused('"tenant" is a string, or null');
  const named = (["user", "session", "everything"] as const).filter((name) => name in what);
  if (named.length === 1) {
    if ("user" in what && typeof what.user === "string") return { tenant, user: what.user };
    if ("session" in what && typeof what.session === "string")
      return {
        tenant,
        session: what.session,
        ...(what.upTo === undefined ? {} : { upTo: atMost("upTo", what.upTo, Number.MAX_SAFE_INTEGER) }),
      };
    if ("everything" in what && what.everything === true) return { tenant, everything: true };
  }
  throw refused("what is erased is a user, a session, or everything of a tenant");
};

export const checkSweep = ({ now, keepMs = {} }: MemorySweep): MemorySweep => {
  for (const [kind, keep] of Object.entries(keepMs)) atMost(`keepMs.${kind}`, keep, Number.MAX_SAFE_INTEGER);
  return { now: checkNow(now), keepMs };
};
