import type { MemoryFilter, MemoryKind } from "../../ports/index.ts";
import type { ArgumentSpec, OptionSpec } from "./command.ts";
import type { Flags } from "./flags.ts";
import { timeOrAgo } from "./time-flag.ts";

export const MEMORY: ArgumentSpec = {
  name: "id",
  isRequired: true,
  about: "a memory's id, as `holdfast memory list` shows it",
};

export const TENANT: OptionSpec = {
  type: "string",
  value: "<name>",
  about: "the tenant whose memory it is (none)",
};

const KINDS: readonly MemoryKind[] = ["fact", "preference", "episode", "procedure", "summary"];

export const FILTERS: Readonly<Record<string, OptionSpec>> = {
  kind: { type: "string", value: "<kind>", about: KINDS.join(", ") },
  namespace: {
    type: "string",
    value: "<name>",
    about: "only this namespace; --namespace= for the one without a name",
  },
  subject: { type: "string", value: "<text>", about: "only what is about this" },
  since: { type: "string", value: "<time>", about: "only what was seen since: 2026-12-24T18:00:00Z, or 7d" },
};

export const tenantOf = (flags: Flags): string | null => flags.text("tenant") ?? null;

/** @throws UsageError */
export const filterOf = (flags: Flags, now: number): MemoryFilter => {
  const kind = flags.oneOf("kind", KINDS);
  const namespace = flags.text("namespace");
  const subject = flags.text("subject");
  const since = flags.text("since");
  return {
    ...(kind === undefined ? {} : { kinds: [kind] }),
    ...(namespace === undefined ? {} : { namespaces: [namespace] }),
    ...(subject === undefined ? {} : { subject }),
    ...(since === undefined ? {} : { since: timeOrAgo("since", since, now) }),
  };
};
