/** The effect service as a process of its own: `node serve-effects.ts ROOT`. Prints its port; ends with its stdin. */
import type { AddressInfo } from "node:net";
import { createEffectService } from "./effect-service.ts";

const server = createEffectService(process.argv[2] ?? ".");
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on("end", () => process.exit(0));
