import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEgressProxy, type EgressProxy, type EgressRefusal } from "../../definitions/egress-proxy.ts";
import type { NetworkRules } from "../../definitions/network-rules.ts";

/** Refusals that are told of one call; code may try without end. */
const MAX_TOLD = 10;

/** The proxy of one sandbox, at a socket that only that sandbox is given. */
export class WayOut {
  readonly socketPath: string;
  readonly #folder: string;
  readonly #refused: Set<string>;
  readonly #proxy: EgressProxy;

  private constructor(folder: string, proxy: EgressProxy, refused: Set<string>) {
    this.socketPath = socketIn(folder);
    this.#folder = folder;
    this.#proxy = proxy;
    this.#refused = refused;
  }

  /** @throws Error of the system when there is no socket to be had. */
  static async open(rules: NetworkRules, maxBytes: number): Promise<WayOut> {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-network-"));
    try {
      const refused = new Set<string>();
      const onRefused = ({ host, port, message }: EgressRefusal): void => {
        if (refused.size < MAX_TOLD) refused.add(`${host}:${port}: ${message}`);
      };
      const proxy = await openEgressProxy({ rules, socketPath: socketIn(folder), maxBytes, onRefused });
      // Whoever code runs as is let in by it; into the folder, nobody is.
      await chmod(socketIn(folder), 0o666);
      return new WayOut(folder, proxy, refused);
    } catch (thrown) {
      await rm(folder, { recursive: true, force: true });
      throw thrown;
    }
  }

  /** Sockets that are open now. */
  get sockets(): number {
    return this.#proxy.sockets;
  }

  /** What was refused since this was asked last. */
  takeRefused(): readonly string[] {
    const taken = [...this.#refused];
    this.#refused.clear();
    return taken;
  }

  async close(): Promise<void> {
    await this.#proxy.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const socketIn = (folder: string): string => join(folder, "proxy");
