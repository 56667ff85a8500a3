import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createRuntime, isHoldfastError, type AgentDefinition, type Runtime, type Session } from "holdfast";
import { createReviewer, TASK } from "./agent.ts";
import { readArguments, USAGE, type Command } from "./arguments.ts";
import { crashAfterFiling } from "./crash.ts";
import { createDeskClient } from "./desk-client.ts";
import { openDesk, type DeskProcess } from "./desk-process.ts";
import { follow } from "./follow.ts";
import { onInterrupt } from "./interrupt.ts";
import { chooseModel, type ChosenModel } from "./model-choice.ts";
import { prove } from "./proof.ts";
import { printProof } from "./screen/proof-table.ts";
import { printSummary } from "./screen/summary.ts";
import { paint, print, row } from "./screen/terminal.ts";
import type { Deps } from "./tools/deps.ts";
import { listUnfinished, type Unfinished } from "./unfinished.ts";

const DATA_DIR = ".holdfast";
const THIS_REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

const EXIT = { done: 0, failed: 1, usage: 2, nothingToResume: 3, interrupted: 130, terminated: 143 } as const;

/** Does what the command line asks for. Answers the exit code. */
export const run = async (args: readonly string[]): Promise<number> => {
  const command = readArguments(args, process.env);
  try {
    return await obey(command);
  } catch (error) {
    const hint = isHoldfastError(error) ? error.hint : undefined;
    complain(
      `${error instanceof Error ? error.message : String(error)}${hint === undefined ? "" : `\n${hint}`}`,
    );
    return EXIT.failed;
  }
};

const obey = async (command: Command): Promise<number> => {
  if (command.kind === "help") {
    print(USAGE);
    return EXIT.done;
  }
  if (command.kind === "wrong") {
    complain(`${command.message}\n\n${USAGE}`);
    return EXIT.usage;
  }
  const chosen = chooseModel(process.env);
  if (chosen === null) {
    complain(
      "OPENAI_COMPATIBLE_BASE_URL is set, but not which model to ask there. Set HOLDFAST_MODEL=openai-compatible/<model>.",
    );
    return EXIT.usage;
  }
  const dataDir = resolve(DATA_DIR);
  const agent = createReviewer(chosen.model);
  const unfinished = await listUnfinished(agent, dataDir);
  if (command.kind === "resume") return resume({ dataDir, agent, chosen, unfinished });
  return start(command, { dataDir, agent, chosen, unfinished });
};

type Scene = {
  readonly dataDir: string;
  readonly agent: AgentDefinition<string, Deps>;
  readonly chosen: ChosenModel;
  readonly unfinished: readonly Unfinished[];
};

const start = async (command: Command & { kind: "start" }, scene: Scene): Promise<number> => {
  const folder = resolve(process.env["INIT_CWD"] ?? ".", command.folder ?? THIS_REPOSITORY);
  const problem = await problemWith(folder);
  if (problem !== null) {
    complain(problem);
    return EXIT.usage;
  }
  const onFiled = command.isCrash ? crashAfterFiling() : async (): Promise<void> => undefined;
  const code = await withRuntime(scene, onFiled, async (runtime, desk) => {
    print(paint("bold", `Holdfast: an agent looks through ${folder}`));
    const session = await runtime.createSession(scene.agent, { attributes: { folder } });
    introduce(scene, desk, session.id);
    return work({ scene, desk, session, shownAfter: 0 });
  });
  if (!command.isCrash || code !== EXIT.done) return code;
  complain("Nothing was filed with the desk, so there was no call to die in the middle of.");
  return EXIT.failed;
};

const resume = async (scene: Scene): Promise<number> => {
  const [newest] = scene.unfinished;
  if (newest === undefined) {
    complain(
      "There is nothing to resume: every session has come to its end. `npm start -- --crash` interrupts one.",
    );
    return EXIT.nothingToResume;
  }
  return withRuntime(
    scene,
    async () => undefined,
    async (runtime, desk) => {
      print(paint("bold", `Holdfast: going on with what was interrupted ${ago(newest.updatedAt)}`));
      introduce(scene, desk, newest.sessionId);
      row("journal", `${newest.position} events are safe; ${openText(newest)}`);
      const session = await runtime.getSession(newest.sessionId);
      if (newest.isHeld) await session.resume();
      return work({ scene, desk, session, shownAfter: newest.position });
    },
  );
};

const openText = ({ openCalls }: Unfinished): string => {
  if (openCalls.length === 0) return "no tool call was open";
  return `open when it stopped: ${openCalls.map(({ tool, callId }) => `${tool} (${callId})`).join(", ")}`;
};

/** Sends the task, which is accepted once however often it is sent, and follows it to its end. */
const work = async ({
  scene,
  desk,
  session,
  shownAfter,
}: {
  readonly scene: Scene;
  readonly desk: DeskProcess;
  readonly session: Session;
  readonly shownAfter: number;
}): Promise<number> => {
  const run = await session.send(TASK, { idempotencyKey: "task" });
  using interrupts = onInterrupt(
    () => void run.cancel("interrupted by Ctrl-C").catch((error: unknown) => complain(String(error))),
  );
  try {
    const { outcome, reportPath } = await follow(session, run, { shownAfter, quit: interrupts.quit });
    const { dataDir, chosen } = scene;
    printSummary({ outcome, sessionId: session.id, dataDir, reportPath, isScripted: chosen.isScripted });
    const proof = await prove(session, desk.logFile);
    if (proof.calls.length > 0) printProof(proof);
    if (proof.duplicates + proof.missing > 0) return EXIT.failed;
    if (outcome.status === "cancelled") return EXIT.interrupted;
    return outcome.status === "completed" ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (!interrupts.quit.aborted) throw error;
    print("Stopped here; nothing is lost. Go on with: npm start -- --resume");
    return EXIT.terminated;
  }
};

const withRuntime = async (
  scene: Scene,
  onFiled: Deps["onFiled"],
  use: (runtime: Runtime, desk: DeskProcess) => Promise<number>,
): Promise<number> => {
  const desk = await openDesk(scene.dataDir, process.env["HOLDFAST_START_SEED"] ?? "holdfast");
  try {
    const deps: Deps = { desk: createDeskClient(desk.url), onFiled };
    await using runtime = await createRuntime({ agents: [scene.agent], dataDir: scene.dataDir, deps });
    return await use(runtime, desk);
  } finally {
    await desk.leave();
  }
};

const introduce = ({ chosen, unfinished }: Scene, desk: DeskProcess, sessionId: string): void => {
  row("model", chosen.label);
  row(
    "desk",
    `${desk.url}, a service in a process of its own (${desk.isFresh ? "started" : "still running, found again"}: ${desk.pid}) that fails now and then, on purpose`,
  );
  row("session", sessionId);
  const others = unfinished.filter((other) => other.sessionId !== sessionId);
  for (const other of others)
    row("also", `${other.sessionId} was interrupted ${ago(other.updatedAt)} and goes on in the background`);
};

const ago = (at: number): string => {
  const passed = Math.max(0, Math.round((Date.now() - at) / 1_000));
  if (passed < 120) return `${passed} seconds ago`;
  return passed < 7_200
    ? `${Math.round(passed / 60)} minutes ago`
    : `${Math.round(passed / 3_600)} hours ago`;
};

const problemWith = async (folder: string): Promise<string | null> => {
  const found = await stat(folder).catch(() => null);
  if (found === null) return `There is no folder ${folder}.`;
  return found.isDirectory() ? null : `${folder} is a file; give the folder it is in.`;
};

const complain = (text: string): void => void process.stderr.write(`${text}\n`);
