import { ConfigurationError } from "../core/errors.ts";
import type {
  MemoryChange,
  MemoryRecord,
  MemoryReader,
  MemoryRevision,
  MemoryScope,
  MemorySource,
  MemoryViewer,
  NewMemory,
} from "../ports/memory-store.ts";

const MAX_TEXT_CHARS = 20_000;
const MAX_NAME_CHARS = 500;
const KINDS = ["fact", "preference", "episode", "procedure", "summary"];
const ORIGINS = ["user", "model", "tool", "operator", "import"];

const invalid = (what: string, why: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `A memory: "${what}" ${why}.`, { details: { option: what } });

type Fields = { readonly [name: string]: unknown };

const fieldsOf = (value: unknown, what: string): Fields => {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(what, "must be an object");
};

const oneOf = (what: string, value: unknown, values: readonly string[]): void => {
  if (typeof value !== "string" || !values.includes(value))
    throw invalid(what, `must be one of ${values.join(", ")}`);
};

const text = (what: string, value: unknown, most = MAX_TEXT_CHARS): void => {
  if (typeof value !== "string") throw invalid(what, "must be a string");
  if (value.trim() === "") throw invalid(what, "is empty");
  if (value.length > most) throw invalid(what, `has ${value.length} characters; ${most} is the most`);
};

const maybe = (value: unknown, check: () => void): void => {
  if (value !== undefined && value !== null) check();
};

const time = (what: string, value: unknown): void => {
  if (!Number.isSafeInteger(value)) throw invalid(what, "must be a time in whole milliseconds");
};

const name = (what: string, value: unknown): void => {
  if (value === null) return;
  text(what, value, MAX_NAME_CHARS);
};

/** @throws ConfigurationError `OPTION_INVALID`, as everything here (K13). */
export const checkViewer = (value: MemoryViewer): MemoryViewer => {
  const { tenant, user, agent, session } = value;
  for (const [what, each] of Object.entries({ tenant, user, agent, session })) name(what, each);
  return { tenant, user, agent, session };
};

export const checkReader = (value: MemoryReader): MemoryReader => {
  fieldsOf(value, "reader");
  if (!("operatorOf" in value)) return checkViewer(value);
  name("operatorOf", value.operatorOf);
  return { operatorOf: value.operatorOf };
};

const checkScope = (value: MemoryScope): MemoryScope => {
  fieldsOf(value, "scope");
  const { namespace } = value;
  if (typeof namespace !== "string" || namespace.length > MAX_NAME_CHARS)
    throw invalid("namespace", `must be a string of up to ${MAX_NAME_CHARS} characters`);
  return { ...checkViewer(value), namespace };
};

const checkSource = (value: MemorySource | null | undefined): MemorySource | null => {
  if (value === undefined || value === null) return null;
  fieldsOf(value, "source");
  const { sessionId, position } = value;
  text("source.sessionId", sessionId, MAX_NAME_CHARS);
  if (!Number.isSafeInteger(position) || position < 0)
    throw invalid("source.position", "must be a whole number");
  return { sessionId, position };
};

const checkConfidence = (value: number): number => {
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw invalid("confidence", "must be a number from 0 to 1");
};

const checkTimes = (memory: Fields): void => {
  for (const what of ["seenAt", "validFrom", "validTo", "expiresAt"])
    maybe(memory[what], () => time(what, memory[what]));
};

/** What somebody wants remembered: checked, with nothing missing and nothing more. */
const checkNew = (value: NewMemory): NewMemory => {
  const memory = fieldsOf(value, "memory");
  text("text", memory["text"]);
  oneOf("kind", memory["kind"], KINDS);
  oneOf("origin", memory["origin"], ORIGINS);
  maybe(memory["subject"], () => text("subject", memory["subject"], MAX_NAME_CHARS));
  maybe(memory["context"], () => text("context", memory["context"]));
  checkTimes(memory);
  return {
    scope: checkScope(value.scope),
    kind: value.kind,
    text: value.text,
    origin: value.origin,
    subject: value.subject ?? null,
    context: value.context ?? null,
    source: checkSource(value.source),
    confidence: checkConfidence(value.confidence ?? 1),
    ...(value.seenAt === undefined ? {} : { seenAt: value.seenAt }),
    validFrom: value.validFrom ?? null,
    validTo: value.validTo ?? null,
    expiresAt: value.expiresAt ?? null,
    isTrusted: value.isTrusted ?? value.origin !== "tool",
  };
};

const checkRevision = (value: MemoryRevision): MemoryRevision => {
  text("text", value.text);
  oneOf("origin", value.origin, ORIGINS);
  const isTrusted = value.isTrusted ?? value.origin !== "tool";
  return { text: value.text, origin: value.origin, source: checkSource(value.source), isTrusted };
};

const ID = /^mem_[\w-]{24}$/;

const isMemoryId = (value: unknown): value is string => typeof value === "string" && ID.test(value);

/** An id that cannot be one is of nothing: it is missing, and not wrong. */
const checkId = (value: string): string => {
  if (typeof value !== "string") throw invalid("id", "must be a string");
  return value.slice(0, MAX_NAME_CHARS);
};

const checkRecord = (value: MemoryRecord): MemoryRecord => {
  const { isTrusted: _, seenAt = value.seenAt, ...memory } = checkNew(value);
  time("seenAt", seenAt);
  if (!isMemoryId(value.id)) throw invalid("id", "is not one of a memory");
  for (const what of ["supersedes", "supersededBy"] as const)
    maybe(value[what], () => {
      if (!isMemoryId(value[what])) throw invalid(what, "is not an id of a memory");
    });
  oneOf("trust", value.trust, ["trusted", "quarantined"]);
  oneOf("revision", value.revision, ["first", "superseding", "correcting"]);
  return {
    id: value.id,
    ...memory,
    subject: memory.subject ?? null,
    context: memory.context ?? null,
    source: memory.source ?? null,
    confidence: memory.confidence ?? 1,
    seenAt,
    validFrom: memory.validFrom ?? null,
    validTo: memory.validTo ?? null,
    expiresAt: memory.expiresAt ?? null,
    trust: value.trust,
    supersedes: value.supersedes ?? null,
    revision: value.revision,
    supersededBy: value.supersededBy ?? null,
  };
};

/** A change as it may be done. */
export const checkChange = (change: MemoryChange): MemoryChange => {
  fieldsOf(change, "change");
  switch (change.do) {
    case "add":
      return { do: "add", memory: checkNew(change.memory) };
    case "supersede":
    case "correct":
      return { do: change.do, id: checkId(change.id), ...checkRevision(change) };
    case "promote":
    case "forget":
      return { do: change.do, id: checkId(change.id) };
    case "import":
      return { do: "import", record: checkRecord(change.record) };
    default:
      throw invalid("do", "must be add, supersede, correct, promote, forget or import");
  }
};
