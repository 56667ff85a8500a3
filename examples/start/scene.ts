import { createRuntime, type AgentDefinition, type Runtime, type Session } from "holdfast";
import { TASK } from "./agent.ts";
import { createDeskClient } from "./desk-client.ts";
import { openDesk, type DeskProcess } from "./desk-process.ts";
import { EXIT } from "./exit.ts";
import { follow } from "./follow.ts";
import { onInterrupt } from "./interrupt.ts";
import type { ChosenModel } from "./model-choice.ts";
import { finishOthers } from "./others.ts";
import { prove } from "./proof.ts";
import { printProof } from "./screen/proof-table.ts";
import { printSummary } from "./screen/summary.ts";
import { complain, print, row } from "./screen/terminal.ts";
import type { Deps } from "./tools/deps.ts";
import type { Unfinished } from "./unfinished.ts";

/** Everything that is settled before the runtime is made. */
export type Scene = {
  readonly dataDir: string;
  readonly agent: AgentDefinition<string, Deps>;
  readonly chosen: ChosenModel;
  readonly unfinished: readonly Unfinished[];
};

type Work = {
  readonly scene: Scene;
  readonly runtime: Runtime;
  readonly desk: DeskProcess;
  readonly session: Session;
  /** Events up to here were shown before. */
  readonly shownAfter: number;
  readonly isOperator: boolean;
};

/** Makes the runtime, with the findings desk beside it, for as long as it is used. */
export const withRuntime = async (
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

/** Sends the task, which is accepted once however often it is sent, and follows it to its end. */
export const work = async ({
  scene,
  runtime,
  desk,
  session,
  shownAfter,
  isOperator,
}: Work): Promise<number> => {
  const run = await session.send(TASK, { idempotencyKey: "task" });
  const cancel = (): void => void run.cancel("Ctrl-C").catch((error: unknown) => complain(String(error)));
  using interrupts = onInterrupt(cancel);
  const { quit } = interrupts;
  try {
    const { outcome, reportPath } = await follow(session, run, { shownAfter, quit, isOperator });
    const { dataDir, chosen } = scene;
    printSummary({ outcome, sessionId: session.id, dataDir, reportPath, isScripted: chosen.isScripted });
    const proof = await prove(session, desk.logFile);
    if (proof.calls.length > 0) printProof(proof);
    if (outcome.status === "cancelled") return EXIT.interrupted;
    const areOthersWell = await finishOthers(runtime, othersOf(scene, session.id), {
      deskLog: desk.logFile,
      quit,
    });
    const isWell = proof.duplicates + proof.missing === 0 && areOthersWell;
    return isWell && outcome.status === "completed" ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (!quit.aborted) throw error;
    print("Stopped here; nothing is lost. Go on with: npm start -- --resume");
    return EXIT.terminated;
  }
};

/** Sessions that were interrupted earlier, and go on because a worker is here. */
const othersOf = ({ unfinished }: Scene, sessionId: string): readonly Unfinished[] =>
  unfinished.filter((other) => other.sessionId !== sessionId && !other.isHeld);

/** Says who is at work, and with what. */
export const introduce = (scene: Scene, desk: DeskProcess, sessionId: string): void => {
  row("model", scene.chosen.label);
  const state = desk.isFresh ? "started" : "found running";
  row(
    "desk",
    `a service in its own process (${state}: pid ${desk.pid}, ${desk.url}) that fails now and then, on purpose`,
  );
  row("session", sessionId);
  for (const other of othersOf(scene, sessionId)) {
    row("also", `${other.sessionId} was interrupted earlier, and goes on in the background`);
  }
};
