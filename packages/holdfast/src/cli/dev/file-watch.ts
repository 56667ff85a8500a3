import { type FSWatcher, watch } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Clock, Timer } from "../../ports/index.ts";

/** Editors write in several steps. */
const SETTLE_MS = 80;

/** Calls back once after files were changed. Watches their directories, since editors replace files. */
export class FileWatch {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #files: ReadonlySet<string> = new Set();
  #timer: Timer | null = null;

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Watches these files from now on, and no others. */
  set(files: readonly string[]): void {
    this.#files = new Set(files);
    const directories = new Set(files.map((file) => dirname(file)));
    for (const [directory, watcher] of this.#watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of directories) {
      if (!this.#watchers.has(directory)) this.#watchers.set(directory, this.#watch(directory));
    }
  }

  close(): void {
    this.#timer?.stop();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(directory: string): FSWatcher {
    const watcher = watch(directory, (_event, name) => {
      if (name === null || this.#files.has(resolve(directory, name))) this.#later();
    });
    // A directory that goes away takes its watch with it; the next load says what is missing.
    watcher.on("error", () => this.#later());
    return watcher;
  }

  #later(): void {
    this.#timer?.stop();
    this.#timer = this.#clock.startTimer(SETTLE_MS, this.#onChange);
  }
}
