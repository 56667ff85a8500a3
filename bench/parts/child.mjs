/** Child processes of a bench: each with a heap, a JIT and a data directory of its own. */
import { execFile, fork } from "node:child_process";
import { promisify } from "node:util";

export const run = promisify(execFile);

/** A process that answers one request at a time. */
export const openHost = (module, settings) => {
  const child = fork(module, [JSON.stringify(settings)], {
    execArgv: ["--disable-warning=ExperimentalWarning", "--expose-gc"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const gone = new Promise((_, reject) => {
    child.once("exit", (code) => reject(new Error(`${module} ended with ${code}`)));
  });
  gone.catch(() => undefined);
  const answer = () => Promise.race([gone, new Promise((resolve) => void child.once("message", resolve))]);
  return {
    ask: (request) => {
      const answered = answer();
      child.send(request);
      return answered;
    },
    /** Ends it as a crash would. */
    kill: () => ended(child, () => child.kill("SIGKILL")),
    close: () => ended(child, () => child.disconnect()),
  };
};

const ended = (child, end) =>
  new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.once("exit", resolve);
    end();
  });

/** Serves requests in such a process; `open` makes what answers them. */
export const serve = async (open) => {
  const settings = JSON.parse(process.argv[2]);
  const { answer, close } = await open(settings);
  process.on("message", (request) => {
    answer(request).then(
      (value) => process.send(value),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.once("disconnect", () => void close());
};
