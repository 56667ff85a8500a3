import type { MemoryRecord } from "../ports/memory-store.ts";

/** A record as it is stored: what has its usual value is left out, which is most of it. */
export const toBody = (record: MemoryRecord): string => {
  const { scope, ...rest } = record;
  return JSON.stringify({ ...unusual(rest, USUAL), scope: unusual(scope, USUAL_SCOPE) });
};

export const bodyOf = ({ body }: { readonly body: string }): MemoryRecord => {
  const stored = JSON.parse(body) as MemoryRecord;
  return { ...USUAL, ...stored, scope: { ...USUAL_SCOPE, ...stored.scope } };
};

const USUAL_SCOPE = { tenant: null, user: null, agent: null, session: null, namespace: "" } as const;

const USUAL = {
  subject: null,
  context: null,
  source: null,
  trust: "trusted",
  confidence: 1,
  validFrom: null,
  validTo: null,
  expiresAt: null,
  supersedes: null,
  revision: "first",
  supersededBy: null,
} as const;

const unusual = (values: object, usual: { readonly [name: string]: unknown }): object =>
  Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== usual[name]));
