import { basename, dirname } from "node:path";
import type { Step } from "./trace.ts";

/** A change of a file that is in memory only, until the file is synced. */
export type Unsynced =
  | { readonly kind: "write"; readonly at: number; readonly data: Buffer }
  | { readonly kind: "truncate"; readonly size: number };

/** A file as the disk has it, and what has been done to it since. */
export class DiskFile {
  readonly kind = "file";
  #bytes = Buffer.alloc(0);
  #size = 0;
  unsynced: Unsynced[] = [];
  /** Where the next plain write goes. */
  offset = 0;

  get durable(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  get latestSize(): number {
    let size = this.#size;
    for (const change of this.unsynced) {
      size = change.kind === "truncate" ? change.size : Math.max(size, change.at + change.data.length);
    }
    return size;
  }

  /** The first `count` changes have reached the disk. */
  sync(count: number): boolean {
    const done = this.unsynced.splice(0, count);
    for (const change of done) this.#apply(change);
    return done.length > 0;
  }

  #apply(change: Unsynced): void {
    const end = change.kind === "truncate" ? change.size : change.at + change.data.length;
    if (change.kind === "truncate" && end < this.#size) this.#bytes.fill(0, end, this.#size);
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    if (change.kind === "write") change.data.copy(this.#bytes, change.at);
    this.#size = change.kind === "truncate" ? end : Math.max(this.#size, end);
  }
}

export type Node = DiskFile | DiskFolder;

/** A change of names that is in memory only, until the folder is synced. */
export type UnsyncedName =
  | { readonly kind: "add"; readonly name: string; readonly node: Node }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string; readonly node: Node };

export class DiskFolder {
  readonly kind = "folder";
  readonly durable = new Map<string, Node>();
  readonly latest = new Map<string, Node>();
  unsynced: UnsyncedName[] = [];

  change(change: UnsyncedName): void {
    applyName(this.latest, change);
    this.unsynced.push(change);
  }

  sync(count: number): boolean {
    const done = this.unsynced.splice(0, count);
    for (const change of done) applyName(this.durable, change);
    return done.length > 0;
  }
}

export const applyName = (names: Map<string, Node>, change: UnsyncedName): void => {
  switch (change.kind) {
    case "add":
      names.set(change.name, change.node);
      return;
    case "remove":
      names.delete(change.name);
      return;
    case "rename":
      names.delete(change.from);
      names.set(change.to, change.node);
  }
};

/**
 * A disk that keeps no more than it must: the content of a file is safe when the file was synced, a name
 * when its folder was. Real file systems are kinder (ext4 writes names with the next sync of any file).
 */
export class Disk {
  readonly root = new DiskFolder();
  readonly #rootPath: string;
  readonly #covered = new Map<number, { readonly node: Node; readonly count: number }>();
  /** Rises with everything that becomes durable. */
  durableVersion = 0;
  /** Rises with every change. */
  version = 0;

  /** Everything under `rootPath` is on this disk; it is there and empty. */
  constructor(rootPath: string) {
    this.#rootPath = rootPath;
  }

  take(step: Step): void {
    switch (step.kind) {
      case "write":
        this.#write(step.path, step.at, step.data);
        return;
      case "truncate":
        this.#changeFile(step.path, { kind: "truncate", size: step.size });
        return;
      case "open":
        this.#open(step);
        return;
      case "sync":
        this.#sync(step);
        return;
      case "make-folder":
        this.#name(step.path, (name) => ({ kind: "add", name, node: new DiskFolder() }));
        return;
      case "remove":
        this.#name(step.path, (name) => ({ kind: "remove", name }));
        return;
      case "rename":
        this.#rename(step.from, step.to);
    }
  }

  find(path: string): Node | undefined {
    if (path !== this.#rootPath && !path.startsWith(`${this.#rootPath}/`)) return undefined;
    let node: Node | undefined = this.root;
    for (const part of path.slice(this.#rootPath.length).split("/")) {
      if (part !== "") node = node?.kind === "folder" ? node.latest.get(part) : undefined;
    }
    return node;
  }

  #file(path: string): DiskFile | undefined {
    const node = this.find(path);
    return node?.kind === "file" ? node : undefined;
  }

  #changeFile(path: string, change: Unsynced): void {
    const file = this.#file(path);
    if (file === undefined) return;
    file.unsynced.push(change);
    this.version += 1;
  }

  #write(path: string, at: number | null, data: Buffer): void {
    const file = this.#file(path);
    if (file === undefined) return;
    this.#changeFile(path, { kind: "write", at: at ?? file.offset, data });
    if (at === null) file.offset += data.length;
  }

  #open({ path, isCreating, isTruncating }: Extract<Step, { kind: "open" }>): void {
    const known = this.#file(path);
    if (known !== undefined) known.offset = 0;
    if (known !== undefined && isTruncating) this.#changeFile(path, { kind: "truncate", size: 0 });
    if (this.find(path) !== undefined || !isCreating) return;
    this.#name(path, (name) => ({ kind: "add", name, node: new DiskFile() }));
  }

  #name(path: string, make: (name: string) => UnsyncedName): void {
    const folder = this.find(dirname(path));
    if (folder?.kind !== "folder") return;
    folder.change(make(basename(path)));
    this.version += 1;
  }

  #rename(from: string, to: string): void {
    const node = this.find(from);
    if (node === undefined) return;
    if (dirname(from) !== dirname(to)) throw new TypeError("The disk knows renames within a folder only.");
    this.#name(to, (name) => ({ kind: "rename", from: basename(from), to: name, node }));
  }

  #sync({ moment, path, id }: Extract<Step, { kind: "sync" }>): void {
    if (moment === "begin") {
      const node = this.find(path);
      if (node !== undefined) this.#covered.set(id, { node, count: node.unsynced.length });
      return;
    }
    const covered = this.#covered.get(id);
    this.#covered.delete(id);
    if (covered === undefined) return;
    // Another sync may have taken some of it along meanwhile; what is left is at most that much.
    const count = Math.min(covered.count, covered.node.unsynced.length);
    if (!covered.node.sync(count)) return;
    this.durableVersion += 1;
    this.version += 1;
  }
}
