import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isHoldfastError } from "holdfast";
import { createReviewer } from "./agent.ts";
import { readArguments, USAGE, type Command } from "./arguments.ts";
import { crashAfterFiling } from "./crash.ts";
import { EXIT } from "./exit.ts";
import { chooseModel } from "./model-choice.ts";
import { introduce, withRuntime, work, type Scene } from "./scene.ts";
import { complain, paint, print, row } from "./screen/terminal.ts";
import { listUnfinished, type Unfinished } from "./unfinished.ts";

const DATA_DIR = ".holdfast";
const THIS_REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

/** Does what the command line asks for. Answers the exit code. */
export const run = async (args: readonly string[]): Promise<number> => {
  const command = readArguments(args, process.env);
  if (command.kind === "help") {
    print(USAGE);
    return EXIT.done;
  }
  if (command.kind === "wrong") {
    complain(`${command.message}\n\n${USAGE}`);
    return EXIT.usage;
  }
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

const obey = async (command: Command & { kind: "start" | "resume" }): Promise<number> => {
  const problem = command.kind === "start" ? await problemWith(folderOf(command)) : null;
  const chosen = chooseModel(process.env);
  if (problem !== null || chosen.kind === "missing") {
    complain(problem ?? (chosen.kind === "missing" ? chosen.message : ""));
    return EXIT.usage;
  }
  const dataDir = resolve(DATA_DIR);
  const agent = createReviewer(chosen.model);
  const scene: Scene = { dataDir, agent, chosen, unfinished: await listUnfinished(agent, dataDir) };
  return command.kind === "resume" ? resume(scene) : start(command, scene);
};

const start = async (command: Command & { kind: "start" }, scene: Scene): Promise<number> => {
  const folder = folderOf(command);
  const earlier = new Set(scene.unfinished.map(({ sessionId }) => sessionId));
  const onFiled = command.isCrash ? crashAfterFiling(earlier) : async (): Promise<void> => undefined;
  const code = await withRuntime(scene, onFiled, async (runtime, desk) => {
    print(paint("bold", `Holdfast: an agent looks through ${folder}`));
    const session = await runtime.createSession(scene.agent, { attributes: { folder } });
    introduce(scene, desk, session.id);
    return work({ scene, runtime, desk, session, shownAfter: 0, isOperator: false });
  });
  if (!command.isCrash || code !== EXIT.done) return code;
  complain("Nothing was filed with the desk, so there was no call to die in the middle of.");
  return EXIT.failed;
};

const resume = async (scene: Scene): Promise<number> => {
  const [newest] = scene.unfinished;
  if (newest === undefined) {
    complain(
      "There is nothing to resume: no session was interrupted. To interrupt one: npm start -- --crash",
    );
    return EXIT.nothingToResume;
  }
  return withRuntime(
    scene,
    async () => undefined,
    async (runtime, desk) => {
      print(paint("bold", "Holdfast: going on with what was interrupted"));
      introduce(scene, desk, newest.sessionId);
      row("journal", `${newest.position} events are safe; ${openText(newest)}`);
      const session = await runtime.getSession(newest.sessionId);
      return work({ scene, runtime, desk, session, shownAfter: newest.position, isOperator: true });
    },
  );
};

const openText = ({ openCalls }: Unfinished): string => {
  if (openCalls.length === 0) return "no tool call was open when it stopped";
  return `open when it stopped: ${openCalls.map(({ tool, callId }) => `${tool} ${callId}`).join(", ")}`;
};

/** npm runs scripts in the repository; a folder is meant from where the person is. */
const folderOf = ({ folder }: Command & { kind: "start" }): string =>
  resolve(process.env["INIT_CWD"] ?? ".", folder ?? THIS_REPOSITORY);

const problemWith = async (folder: string): Promise<string | null> => {
  const found = await stat(folder).catch(() => null);
  if (found === null) return `There is no folder ${folder}.`;
  return found.isDirectory() ? null : `${folder} is not a folder. Give the folder it is in.`;
};
