import type { MemoryRecord } from "../../ports/index.ts";
import { isoTime } from "./describe-schedule.ts";
import { oneLine, printable } from "./printable.ts";
import type { Style } from "./terminal.ts";
import { wrap } from "./wrap.ts";

const MOST_CHARS = 60;

/** Whom a record is for, in a few words. */
export const describeScope = ({ scope }: Pick<MemoryRecord, "scope">): string => {
  const { user, agent, session, namespace } = scope;
  const named = [
    user,
    ...(agent === null ? [] : [`agent ${agent}`]),
    ...(session === null ? [] : [session]),
  ].filter((part) => part !== null);
  const whom = named.length === 0 ? "everybody" : named.join(", ");
  return oneLine(namespace === "" ? whom : `${whom}, in "${namespace}"`, MOST_CHARS);
};

/** Why a search does not find a record; empty when it does. */
export const describeStanding = (record: MemoryRecord, now: number): string => {
  if (record.supersededBy !== null) return "replaced";
  if (record.trust === "quarantined") return "quarantined";
  if (record.expiresAt !== null && record.expiresAt <= now) return "expired";
  if (record.validTo !== null && record.validTo <= now) return "over";
  return record.validFrom !== null && record.validFrom > now ? "not yet" : "";
};

export const standingStyle = (standing: string): Style | undefined =>
  standing === "" ? undefined : standing === "quarantined" ? "yellow" : "dim";

const INDENT = 2;

/** Its text, however long, in lines that stand apart from ours. */
export const textLines = ({ text }: Pick<MemoryRecord, "text">, columns: number): readonly string[] =>
  wrap(printable(text).replaceAll("\t", " "), columns - INDENT).map((line) => `${" ".repeat(INDENT)}${line}`);

type Fact = readonly [name: string, value: string];

/** What there is to say of a record besides its text, a name and a value each. */
export const memoryFacts = (record: MemoryRecord, now: number): readonly Fact[] => {
  const { scope, kind, subject, source, origin, confidence, seenAt, expiresAt } = record;
  const facts: readonly (Fact | null)[] = [
    scope.tenant === null ? null : ["tenant", oneLine(scope.tenant, MOST_CHARS)],
    ["for", describeScope(record)],
    ["kind", kind],
    subject === null ? null : ["about", oneLine(subject, MOST_CHARS)],
    ["said by", `${origin}, confidence ${confidence}`],
    source === null
      ? null
      : ["from", `${oneLine(source.sessionId, MOST_CHARS)}, position ${source.position}`],
    ["seen", isoTime(seenAt)],
    validOf(record),
    expiresAt === null ? null : ["expires", isoTime(expiresAt)],
    ["status", statusOf(record, now)],
  ];
  return facts.filter((fact) => fact !== null);
};

const validOf = ({ validFrom, validTo }: MemoryRecord): Fact | null => {
  if (validFrom === null && validTo === null) return null;
  const parts = [
    ...(validFrom === null ? [] : [`from ${isoTime(validFrom)}`]),
    ...(validTo === null ? [] : [`until ${isoTime(validTo)}`]),
  ];
  return ["valid", parts.join(" ")];
};

const statusOf = (record: MemoryRecord, now: number): string => {
  const standing = describeStanding(record, now);
  switch (standing) {
    case "":
      return "current";
    case "replaced":
      return `replaced by ${record.supersededBy ?? ""}`;
    case "quarantined":
      return `quarantined until an operator promotes it`;
    default:
      return standing;
  }
};
