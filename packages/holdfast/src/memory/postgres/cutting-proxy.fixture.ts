import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/** What a server says last to a connection that an administrator ends. */
const ENDED = Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0");
const LENGTH_BYTES = 4;
/** That it is ready for the next query, out of any transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

export type CuttingProxy = {
  readonly port: number;
  /** Whether a connection is ended in the same packet in which it is first said to be ready. */
  isCutting: boolean;
  cuts: number;
  stop(): Promise<void>;
};

/** Stands before a Postgres server. */
export const startCuttingProxy = async (to: number): Promise<CuttingProxy> => {
  const server = createServer((client) => {
    const behind = connect(to, "127.0.0.1");
    client.on("error", () => behind.destroy()).on("close", () => behind.destroy());
    behind.on("error", () => client.destroy()).on("close", () => client.destroy());
    client.pipe(behind);
    behind.on("data", (data) => {
      if (!proxy.isCutting || !data.subarray(-READY.length).equals(READY)) {
        client.write(data);
        return;
      }
      proxy.cuts += 1;
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeInt32BE(ENDED.length + LENGTH_BYTES);
      client.end(Buffer.concat([data, Buffer.from("E"), length, ENDED]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: CuttingProxy = {
    port: (server.address() as AddressInfo).port,
    isCutting: false,
    cuts: 0,
    stop: async () => {
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
};
