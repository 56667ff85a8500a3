import { readdirSync, readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { setPriority } from "node:os";
import {
  isMainThread,
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import { HoldfastError } from "../../core/errors.ts";
import { hostUrl } from "./carrier.ts";
import { LIFELINE, SECRETS, type FromHost, type SecretAnswer, type ToHost } from "./messages.ts";

/** What connects the host to whoever started it. */
export interface HostLine {
  /** @throws when the message cannot be cloned. */
  post(message: FromHost): void;
  onMessage(listener: (message: ToHost) => void): void;
  /** Waits for the answer without letting anything else run. */
  askSecret(name: string): SecretAnswer;
  /** Says a last word and ends. */
  end(message: FromHost): void;
}

/** Longest wait for a secret: whoever is to answer is held up, or gone. */
const SECRET_LIMIT_MS = 10_000;

/** Isolated work gives way to the runtime, which serves everybody else. */
const NICENESS = 10;

export type ThreadData = {
  readonly holdfastHost: "thread";
  readonly bell: Int32Array<SharedArrayBuffer>;
  readonly secrets: MessagePort;
};

export const threadLine = ({ bell, secrets }: ThreadData): HostLine => {
  const post = (message: FromHost): void => parentPort?.postMessage(message);
  return {
    post,
    onMessage: (listener) => void parentPort?.on("message", listener),
    askSecret: (name) => {
      Atomics.store(bell, 0, 0);
      post({ kind: "secret", name });
      Atomics.wait(bell, 0, 0, SECRET_LIMIT_MS);
      const answer: { message: SecretAnswer } | undefined = receiveMessageOnPort(secrets);
      if (answer === undefined) throw noAnswer(name);
      return answer.message;
    },
    end: (message) => {
      post(message);
      process.exit(1);
    },
  };
};

export const processLine = (): HostLine => {
  return {
    post: (message) => void process.send?.(message),
    onMessage: (listener) => {
      process.on("message", listener);
      process.on("disconnect", () => process.exit(0));
    },
    askSecret: (name) => {
      writeSync(SECRETS, `${JSON.stringify(name)}\n`);
      return JSON.parse(readLine(SECRETS)) as SecretAnswer;
    },
    end: (message) => {
      if (process.send === undefined) process.exit(1);
      process.send(message, () => process.exit(1));
    },
  };
};

/** From now on; called when a module has been loaded, so that a busy machine does not keep a call from beginning. */
export const giveWay = (): void => {
  try {
    for (const thread of ownThreads()) setPriority(thread, NICENESS);
  } catch {
    // Not allowed here, or a thread that ended just now: then it gives way less.
  }
};

/**
 * Only Linux counts niceness by thread, and then 0 is the calling one: in a process of our own all of them are named,
 * for collecting garbage is work too. Elsewhere 0 is the whole process, which must not be that of the runtime.
 */
const ownThreads = (): readonly number[] => {
  if (process.platform !== "linux") return isMainThread ? [0] : [];
  return isMainThread ? readdirSync("/proc/self/task").map(Number) : [0];
};

const noAnswer = (name: string): HoldfastError =>
  new HoldfastError("INTERNAL", `The secret "${name}" was asked for, and no answer came.`);

const NEWLINE = 10;

const readLine = (descriptor: number): string => {
  const chunk = Buffer.alloc(4_096);
  const line: Buffer[] = [];
  while (line.at(-1)?.at(-1) !== NEWLINE) {
    const count = readSync(descriptor, chunk);
    if (count === 0) throw noAnswer("of this call");
    line.push(Buffer.from(chunk.subarray(0, count)));
  }
  return Buffer.concat(line).toString();
};

/** Ends this process, and what it has started, as soon as the one that started it is gone (I5). */
export const watchLifeline = (): void => {
  const end = (): void => {
    process.kill(process.platform === "win32" ? process.pid : -process.pid, "SIGKILL");
  };
  const line = new Socket({ fd: LIFELINE, readable: true, writable: false });
  line.on("error", end);
  line.on("close", end);
  line.resume();
};

/** In a thread of its own: it has to hear of the end while a tool lets nothing else run. */
export const startLifeline = (): Promise<void> =>
  new Promise((resolve) => {
    const watch = new Worker(hostUrl(), { workerData: "lifeline" });
    watch.once("online", () => {
      watch.unref();
      resolve();
    });
  });
