import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export type SqlProxy = {
  readonly port: number;
  /** From here on nothing is passed on, and nothing is closed: a network that has gone away. */
  freeze(): void;
  stop(): Promise<void>;
};

/**
 * Stands between these tools and a server.
 *
 * @param onSent - Sees what is sent to the server; `"cut"` ends the connection before it is passed on.
 */
export const startProxy = async (
  to: number,
  onSent: (text: string) => "cut" | null = () => null,
): Promise<SqlProxy> => {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const server = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    for (const [from, onto] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        if (!isFrozen) onto.destroy();
      });
      from.on("data", (chunk: Buffer) => {
        if (from === near && onSent(chunk.toString("latin1")) === "cut") near.destroy();
        else if (!isFrozen) onto.write(chunk);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => {
      isFrozen = true;
    },
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};
