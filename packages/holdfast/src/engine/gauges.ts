import type { Gauge, Reading } from "../ports/telemetry.ts";
import type { CircuitStatus } from "./circuits.ts";
import type { Held } from "./held-resources.ts";
import type { LineCount } from "./waiting-lines.ts";

/** What is counted; each answers at once. */
export type Counted = {
  readonly activeSessions: () => number;
  readonly held: () => readonly Held[];
  readonly lines: () => readonly LineCount[];
  readonly circuits: () => readonly CircuitStatus[];
};

/** The numbers of one process that a dashboard shows (O1). No attribute names a session, a user or a tenant: there may be any number of those. */
export const gaugesOf = ({ activeSessions, held, lines, circuits }: Counted): readonly Gauge[] => [
  {
    name: "holdfast.sessions.active",
    description: "Sessions in work in this process.",
    unit: "{session}",
    read: () => [{ value: activeSessions(), attributes: {} }],
  },
  {
    name: "holdfast.tool.resources.held",
    description: "What tools hold open: sockets, processes, sessions.",
    unit: "{resource}",
    read: () =>
      held().map(({ resource, kind, count }) => ({
        value: count,
        attributes: { "holdfast.resource.name": resource, "holdfast.resource.kind": kind },
      })),
  },
  {
    name: "holdfast.tool.calls.under_way",
    description: "Calls of tools with limits that have begun and not ended.",
    unit: "{call}",
    read: () => lines().map(({ name, underWay }) => ofLine(name, underWay)),
  },
  {
    name: "holdfast.tool.calls.waiting",
    description: "Calls of tools with limits that wait for their turn.",
    unit: "{call}",
    read: () => lines().map(({ name, waiting }) => ofLine(name, waiting)),
  },
  {
    name: "holdfast.circuits.open",
    description: "1 for each circuit that is open or half open.",
    unit: "{circuit}",
    read: () =>
      circuits().map(({ name, circuit }) => ({
        value: 1,
        attributes: { "holdfast.circuit.name": name, "holdfast.circuit.state": circuit.kind },
      })),
  },
];

const ofLine = (name: string, value: number): Reading => ({
  value,
  attributes: { "holdfast.limits.name": name },
});
