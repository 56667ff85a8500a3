import { createRuntime, type AgentDefinition, type Delivery, type Logger, type Runtime } from "holdfast";

type Agents = readonly AgentDefinition<unknown>[];

type Place = {
  readonly dataDir: string;
  readonly url: string;
  readonly secret: string;
  readonly logger: Logger;
  readonly page: (delivery: Delivery) => Promise<void>;
  readonly show: (name: string, what: string) => void;
};

export const openReporting = async (agents: Agents, place: Place): Promise<Runtime> => {
  const { dataDir, url, secret, logger, page, show } = place;
  // #region reports
  const tickets = { name: "tickets", url, secret, agents: ["support"] };
  const runtime = await createRuntime({
    agents,
    dataDir,
    logger,
    onSettled: tickets,
    onSuspend: {
      ...tickets,
      name: "desk",
      escalate: { to: "on-call", afterMs: 15 * 60_000, afterAttempts: 5 },
    },
    onCircuit: { name: "status", handle: ({ type, circuit }) => show(circuit.name, type) },
    onRetriesSpent: { name: "pager", handle: (delivery) => page(delivery) },
    onEscalation: { name: "on-call", handle: (delivery) => page(delivery) },
  });
  // #endregion reports
  return runtime;
};

export const lookThrough = async (runtime: Runtime): Promise<number> => {
  // #region dead-letters
  const { deadLetters } = await runtime.deadLetters.list();
  for (const { id, failure } of deadLetters) {
    if (failure?.details?.["status"] === 410) await runtime.deadLetters.discard(id);
    else await runtime.deadLetters.retry(id);
  }
  // #endregion dead-letters
  return deadLetters.length;
};
