import { resolve } from "node:path";
import { ConfigurationError, ConflictError, NotFoundError, RuntimeClosedError } from "../core/errors.ts";
import { failure } from "../core/failure.ts";
import type { RunId, SessionId } from "../core/ids.ts";
import { toJournalObject } from "../core/journal-value.ts";
import { plan } from "../core/plan.ts";
import { createSession, keyedSessionId } from "../engine/create-session.ts";
import { EventFeed } from "../engine/event-feed.ts";
import { STOP_GRACE_MS } from "../engine/call-tool.ts";
import { LastGood } from "../engine/last-good.ts";
import { WaitingLines } from "../engine/waiting-lines.ts";
import { Circuits, type CircuitStatus } from "../engine/circuits.ts";
import { reportCircuit } from "../engine/report-circuit.ts";
import { gaugesOf } from "../engine/gauges.ts";
import { HeldResources } from "../engine/held-resources.ts";
import type { Recipient } from "../engine/recipient.ts";
import { Redactor } from "../engine/redactor.ts";
import { StallMonitor } from "../engine/stall-monitor.ts";
import { Worker } from "../engine/worker.ts";
import { createPriceList } from "../models/index.ts";
import type { Agent } from "../ports/agent.ts";
import type { JournalStore, ListQuery, SessionPage } from "../ports/journal-store.ts";
import type { MemoryStore } from "../ports/memory-store.ts";
import { createIsolation, isToolHost } from "../sandboxes/index.ts";
import { createSqliteStore } from "../stores/index.ts";
import type { Decision } from "./answers.ts";
import { approvalNotFound, approvalPlace } from "./approval-id.ts";
import { withChildren } from "./called-agents.ts";
import { compileAgent, type AgentSettings } from "./compile-agent.ts";
import type { AgentDefinition } from "./define-agent.ts";
import { listBudgets, type BudgetAccount, type BudgetQuery } from "./list-budgets.ts";
import { Eraser } from "./eraser.ts";
import { eraseUser, type ErasedUser, type EraseUserOptions } from "./erase-user.ts";
import type { Input } from "./input.ts";
import { checkOptions, maybeName } from "../definitions/known-options.ts";
import { EXTRACTION_AGENT, extractionAgent } from "./extraction/extraction-agent.ts";
import { checkExtractedAgents } from "./extraction/extraction-options.ts";
import { extractionRecipient } from "./extraction/extraction-recipient.ts";
import { DeadLetters } from "./deliveries/dead-letters.ts";
import { recipientsOf } from "./deliveries/recipients.ts";
import { Schedules } from "./schedules/schedules.ts";
import { timetableOf } from "./schedules/timetable.ts";
import { noTelemetry } from "./no-telemetry.ts";
import { sha256 } from "./node-sha256.ts";
import type { Pending } from "./pending.ts";
import { eachByItself, type Decided } from "./post-answer.ts";
import { runNotFound, type Run } from "./run.ts";
import { findSecret, resolveOptions, type RuntimeOptions, type RuntimeSettings } from "./runtime-options.ts";
import type { RuntimeServices } from "./runtime-services.ts";
import { Session, sessionNotFound, type SendOptions } from "./session.ts";
import { stderrLogger } from "./console-logger.ts";
import { createSystemClock } from "./system-clock.ts";
import { checkUpgrade, type UpgradeFinding } from "./upgrade-check.ts";
import { createWorkspace, workspaceFolder } from "./workspace.ts";

export type CreateSessionOptions = {
  /** The same key in the same tenant gives the same session, also when asked twice at once. */
  readonly key?: string;
  /** Neither this nor `user` is empty, or has half a character in it. */
  readonly tenant?: string;
  readonly user?: string;
  /** For tools, as `ctx.session.attributes`; never shown to the model. */
  readonly attributes?: Readonly<Record<string, unknown>>;
};

export type SessionQuery = Partial<ListQuery>;

/** What kind of waiting is looked for, and in which sessions. */
export type PendingQuery = Omit<SessionQuery, "waiting" | "status"> & {
  readonly kind: "approval" | "result" | "resolution";
};

export type PendingPage = { readonly pending: readonly Pending[]; readonly cursor: string | null };

/** Opens the data directory and begins to work what is due in it. @throws ConfigurationError, StoreError */
export const createRuntime = async <Deps = unknown>(options: RuntimeOptions<Deps>): Promise<Runtime> => {
  checkPlace();
  const settings = resolveOptions(options);
  const clock = options.clock ?? createSystemClock();
  const dataDir = resolve(settings.dataDir);
  const prices = createPriceList(options.prices === undefined ? {} : { own: options.prices });
  const agents = agentsOf(options.agents, settings, prices.limits);
  const store =
    options.store ?? (await createSqliteStore({ dataDir, clock, durability: settings.durability }));
  const byName = new Map(agents.map((agent) => [agent.name, agent]));
  const redactor = new Redactor();
  const logger = options.logger ?? stderrLogger();
  const recipients = recipientsOf(options, { clock, redactor });
  const services: Omit<RuntimeServices, "post"> = {
    store,
    memory: settings.memory,
    memoryKeepMs: settings.memoryKeepMs,
    clock,
    sha256,
    decide: options.decide ?? plan,
    timetable: timetableOf,
    feed: new EventFeed(),
    prices,
    budgets: settings.budgets,
    telemetry: options.telemetry ?? noTelemetry,
    logger,
    redactor,
    sandbox: createIsolation({
      clock,
      ...settings.isolation,
      graceMs: STOP_GRACE_MS,
      weightOf: settings.weightOf,
    }),
    stalls: new StallMonitor(clock, logger),
    agents: byName,
    interceptors: settings.interceptors,
    ...forFailingTools(settings, { agents: byName, store, clock, logger, recipients, sha256 }),
    resources: new HeldResources(agents, { clock, logger }),
    recipients,
    timeouts: settings.timeouts,
    deps: options.deps,
    secret: secretsOf(options, redactor),
    workspace: (sessionId) => createWorkspace(workspaceFolder(dataDir, sessionId)),
    holder: store.holderId,
    leaseMs: LEASE_MS,
    isWorker: settings.isWorker,
  };
  const runtime = new Runtime(services, settings);
  await runtime.start();
  return runtime;
};

/** The agents as the engine runs them: those that were given, those that they call, and those that the runtime has itself. */
const agentsOf = (
  given: readonly AgentDefinition<unknown, never>[],
  settings: RuntimeSettings,
  limits: AgentSettings["limits"],
): readonly Agent[] => {
  const compile = (definition: AgentDefinition<unknown, never>): Agent =>
    compileAgent(definition, {
      sha256,
      modelTimeoutMs: settings.timeouts.totalMs,
      modelRetry: settings.modelRetry,
      from: process.cwd(),
      limits,
    });
  const { extraction } = settings;
  const own = extraction === null ? [] : [extractionAgent(extraction)];
  const all = withChildren([...given, ...own]);
  if (extraction !== null)
    checkExtractedAgents(
      extraction,
      all.flatMap(({ newest: { name } }) => (name === EXTRACTION_AGENT ? [] : [name])),
    );
  const agents = all.map(({ newest, older }): Agent => ({
    ...compile(newest),
    older: older.map(compile),
  }));
  checkRecall(agents, settings);
  return agents;
};

/** @throws ConfigurationError where an agent is to be told of a memory that there is not. */
const checkRecall = (agents: readonly Agent[], { memory }: RuntimeSettings): void => {
  const without = memory === null ? agents.find(({ recall }) => recall !== null) : undefined;
  if (without === undefined) return;
  throw new ConfigurationError("OPTION_INVALID", `Agent "${without.name}" recalls, and there is no memory.`, {
    hint: "Give `memory` to createRuntime, or leave `memory` out of the agent.",
  });
};

/** Whoever takes what is worth knowing into the memory, where that is asked for. */
const extractionOf = (
  { extraction, memory }: RuntimeSettings,
  services: RuntimeServices,
): readonly Recipient[] =>
  extraction === null || memory === null
    ? []
    : [extractionRecipient({ settings: extraction, services, memory })];

/** What sessions of a process share of what they found out about tools and models. */
const forFailingTools = (
  { modelCircuit }: RuntimeSettings,
  parts: Pick<RuntimeServices, "agents" | "store" | "clock" | "logger" | "recipients" | "sha256">,
): Pick<RuntimeServices, "circuits" | "modelCircuit" | "lines" | "lastGood"> => ({
  lines: new WaitingLines(parts.clock),
  lastGood: new LastGood(),
  circuits: new Circuits({
    ...parts,
    areModelsHeldBack: modelCircuit !== null,
    report: reportCircuit(parts),
  }),
  modelCircuit,
});

/** A secret that somebody has asked for is known from then on, and taken out of whatever is written (O2). */
const secretsOf =
  <Deps>({ secrets }: RuntimeOptions<Deps>, redactor: Redactor) =>
  (name: string): string => {
    const value = findSecret(secrets, name);
    redactor.learn(name, value);
    return value;
  };

const LEASE_MS = 30_000;

/** The module of an isolated tool is imported where the tool runs, and everything it does on import is done there too. */
const checkPlace = (): void => {
  if (!isToolHost()) return;
  throw new ConfigurationError("DEFINITION_INVALID", "A runtime was created where an isolated tool runs.", {
    hint: "Put the tool in a module of its own: the one it is in makes a runtime when it is imported.",
  });
};

/** A running runtime: makes sessions, finds them again, and works them until it is closed. */
export class Runtime {
  readonly #services: RuntimeServices;
  readonly #settings: RuntimeSettings;
  readonly #worker: Worker;
  readonly #eraser: Eraser;
  /** What is run by the calendar. */
  readonly schedules: Schedules;
  /** What could not be told to anybody. */
  readonly deadLetters: DeadLetters;
  #closing: Promise<void> | null = null;
  #stopGauges: () => void = () => undefined;

  constructor(services: Omit<RuntimeServices, "post">, settings: RuntimeSettings) {
    const recipients = new Map(services.recipients);
    this.#services = { ...services, recipients, post: (signal) => this.#post(signal) };
    this.#settings = settings;
    // It begins runs, as only a runtime can.
    for (const one of extractionOf(settings, this.#services)) recipients.set(one.name, one);
    this.#worker = new Worker(this.#services, settings);
    this.#eraser = new Eraser(this.#services, settings.dataDir);
    const parts = {
      services: this.#services,
      checkOpen: () => this.#checkOpen(),
      onChange: () => this.#worker.lookAtDuties(),
    };
    this.schedules = new Schedules(parts);
    this.deadLetters = new DeadLetters(parts);
  }

  async start(): Promise<void> {
    const { telemetry, resources, lines, circuits } = this.#services;
    this.#stopGauges = telemetry.observe(
      gaugesOf({
        activeSessions: () => this.#worker.activeSessions,
        held: () => resources.held(),
        lines: () => lines.counts(),
        circuits: () => circuits.list(),
      }),
    );
    if (!this.#settings.isWorker) {
      this.#watchOthers();
      return;
    }
    this.#worker.start();
  }

  /** Makes a session, or finds the one that was made with the same key. */
  async createSession<Output = string, Deps = unknown>(
    agent: AgentDefinition<Output, Deps> | string,
    options: CreateSessionOptions = {},
  ): Promise<Session<Output>> {
    this.#checkOpen();
    checkOptions(options, {
      owner: "createSession",
      known: ["key", "tenant", "user", "attributes"],
      later: ["memory", "parent"],
    });
    const found = this.#agent(typeof agent === "string" ? agent : agent.name);
    const { clock } = this.#services;
    const tenant = maybeName("createSession", "tenant", options.tenant);
    const id =
      options.key === undefined ? `ses_${clock.newId()}` : keyedSessionId(sha256, tenant, options.key);
    const { value: attributes } = toJournalObject(options.attributes ?? {});
    const owner = { tenant, user: maybeName("createSession", "user", options.user), attributes };
    const answer = await createSession(this.#services, found, { id, ...owner });
    // guard J5: a key makes sessions of one agent
    if (answer === "exists") await this.#checkAgent(id, found.name);
    return new Session<Output>(this.#services, { id, seen: 1, agent: found.name });
  }

  /** A handle on a session, from any process, after any restart. @throws NotFoundError */
  async getSession<Output = string>(id: SessionId): Promise<Session<Output>> {
    this.#checkOpen();
    const head = await this.#services.store.head(id);
    if (head === undefined) throw sessionNotFound(id);
    return new Session<Output>(this.#services, { id, seen: head.position });
  }

  /** A handle on a run, from any process, after any restart. @throws NotFoundError */
  async getRun<Output = string>(id: RunId): Promise<Run<Output>> {
    this.#checkOpen();
    const sessionId = await this.#services.store.findRun(id);
    if (sessionId === undefined) throw runNotFound(id);
    return new Session<Output>(this.#services, { id: sessionId, seen: 0 }).run(id);
  }

  /** One page of sessions, newest first. */
  async listSessions(query: SessionQuery = {}): Promise<SessionPage> {
    this.#checkOpen();
    return this.#services.store.list({ ...query, limit: query.limit ?? 50 });
  }

  /**
   * Open sessions that this runtime's agents would change, and how; for a runtime that does not work (`isWorker: false`) with
   * the definitions of the next deploy. Reads only (S6).
   */
  async checkUpgrade(): Promise<readonly UpgradeFinding[]> {
    this.#checkOpen();
    return checkUpgrade(this.#services);
  }

  /** What budgets have been used, in order of their names; ask again with `after` for the next page. */
  async budgets(query: BudgetQuery = {}): Promise<readonly BudgetAccount[]> {
    this.#checkOpen();
    return listBudgets(this.#services, query);
  }

  /**
   * What waits for somebody, over all sessions: a page of sessions at a time, newest first. `null` as cursor
   * when there are no more. A session that also waits for an approval is found by that kind alone.
   */
  async pending(query: PendingQuery): Promise<PendingPage> {
    this.#checkOpen();
    const { kind, ...filter } = query;
    const { sessions, cursor } = await this.listSessions({ ...filter, waiting: kind });
    const found: Pending[] = [];
    for (const { sessionId } of sessions) {
      const all = await new Session(this.#services, { id: sessionId, seen: 0 }).pending();
      found.push(...all.filter((one) => one.kind === kind));
    }
    return { pending: found, cursor };
  }

  /** Decides on one call that waits for approval, by its id alone; see `session.decide`. */
  async decide(approvalId: string, decision: Decision): Promise<void> {
    this.#checkOpen();
    const place = approvalPlace(approvalId);
    if (place === null) throw approvalNotFound(approvalId);
    await new Session(this.#services, { id: place.sessionId, seen: 0 }).decide(approvalId, decision);
  }

  /** Decides on many; each is taken or refused by itself. */
  decideAll(decisions: readonly (Decision & { readonly approvalId: string })[]): Promise<readonly Decided[]> {
    return eachByItself(decisions, ({ approvalId, ...decision }) => this.decide(approvalId, decision));
  }

  /** One shot: a new session, one input, its answer. @throws RunError, RunSuspendedError */
  async run<Output = string, Deps = unknown>(
    agent: AgentDefinition<Output, Deps>,
    input: Input,
    options: SendOptions & CreateSessionOptions = {},
  ): Promise<{ readonly output: Output; readonly run: Run<Output>; readonly sessionId: SessionId }> {
    const { key, tenant, user, attributes, ...sendOptions } = options;
    const owner = { key, tenant, user, attributes };
    const given = Object.fromEntries(Object.entries(owner).filter(([, value]) => value !== undefined));
    const session = await this.createSession<Output, Deps>(agent, given);
    const run = await session.send(input, sendOptions);
    return { output: await run.output(), run, sessionId: session.id };
  }

  /**
   * Forgets what was said in a session and in those it called: content in the journal, snapshots, files, unread inputs,
   * and the workspace. Headers and hashes stay, so the journal still verifies (J4). What was remembered from it is the memory's.
   *
   * @throws NotFoundError
   */
  async erase(id: SessionId): Promise<void> {
    this.#checkOpen();
    await this.#eraser.session(id);
  }

  /**
   * Forgets a user: the content of all their sessions, as `erase` does, their schedules, and in the memory what is for them or came
   * from them. Their runs are cancelled first. It answers when all is gone; where it fails or the process dies, call it again.
   *
   * @throws ConflictError `RUN_ACTIVE` when runs have not stopped in time; StoreError
   */
  async eraseUser(options: EraseUserOptions): Promise<ErasedUser> {
    this.#checkOpen();
    const { dataDir } = this.#settings;
    const checkOpen = (): void => this.#checkOpen();
    return eraseUser({ services: this.#services, eraser: this.#eraser, dataDir, checkOpen }, options);
  }

  /** Erases the sessions that settled before a time, in milliseconds since the Unix epoch. Answers how many. */
  async expire(settledBefore: number): Promise<number> {
    this.#checkOpen();
    return this.#eraser.settledBefore(settledBefore);
  }

  /** What is not called now because it kept failing, in any session of any process on this data, by name (E7). */
  async circuits(): Promise<readonly CircuitStatus[]> {
    this.#checkOpen();
    await this.#services.circuits.refresh();
    return this.#services.circuits.list();
  }

  /** The store itself, for operators: backup, check, erasing in part. */
  get store(): JournalStore {
    return this.#services.store;
  }

  /** What is known beyond sessions; null where `createRuntime` was given none. */
  get memory(): MemoryStore | null {
    return this.#services.memory;
  }

  /** Takes no new work, lets what is in flight finish, closes the store; not the memory, which it did not open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const isDone = await this.#worker.drain(this.#settings.drainTimeoutMs);
    if (!isDone) {
      this.#services.logger.warn(
        "Closed with work in flight; its outcome is unknown and will be looked into, not repeated.",
      );
    }
    this.#services.lines.close();
    const stopped = Promise.all([this.#services.sandbox.close(), this.#services.resources.close()]);
    // Whoever still waits for a run in this process would wait for ever.
    this.#services.feed.close(
      failure("RUNTIME_CLOSED", "This runtime was closed before the run came to its end."),
    );
    await this.#services.circuits.saved();
    await this.#services.store.close();
    await stopped;
    this.#stopGauges();
  }

  /** Without a worker of our own, subscribers still see what other processes commit (S5). */
  #watchOthers(): void {
    const { store, feed } = this.#services;
    store.onChange((sessions) => {
      const touched = sessions === "unknown" ? feed.watched() : sessions;
      for (const sessionId of touched) feed.publish(sessionId, { kind: "look" });
    });
  }

  async #post(signal: Parameters<RuntimeServices["post"]>[0]): ReturnType<RuntimeServices["post"]> {
    this.#checkOpen();
    const [answer] = await this.#services.store.post([signal]);
    if (answer === undefined || !("tenant" in answer)) return answer ?? { status: "missing" };
    const session = { sessionId: signal.sessionId, tenant: answer.tenant };
    if (answer.status === "posted") {
      const { kind, dedupeKey, runId, body } = signal;
      const postedAt = this.#services.clock.now();
      this.#worker.deliver(session, { id: answer.signalId, kind, dedupeKey, runId, body, postedAt });
    }
    // The first time it may have been stored without an answer: then nobody here has heard of it.
    // guard J6: what is handed in again is looked for
    if (answer.status === "duplicate") this.#worker.lookAgain(session);
    return answer;
  }

  async #checkAgent(sessionId: SessionId, agent: string): Promise<void> {
    const loaded = await this.#services.store.load(sessionId);
    if (loaded === undefined || loaded.owner.agent === agent) return;
    throw new ConflictError(
      "IDEMPOTENCY_CONFLICT",
      `This key already made a session with another agent, "${loaded.owner.agent}".`,
      { hint: "Use a key of its own for each agent.", details: { sessionId } },
    );
  }

  #agent(name: string): Agent {
    const found = this.#services.agents.get(name);
    if (found !== undefined) return found;
    throw new NotFoundError("AGENT_NOT_FOUND", `This runtime has no agent "${name}".`, {
      hint: `Give it to createRuntime in \`agents\`. It has: ${[...this.#services.agents.keys()].join(", ") || "none"}.`,
    });
  }

  #checkOpen(): void {
    if (this.#closing === null) return;
    throw new RuntimeClosedError("RUNTIME_CLOSED", "This runtime has been closed.", {
      hint: "Make a new one with createRuntime; everything acknowledged is kept.",
    });
  }
}
