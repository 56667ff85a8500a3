import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { CallArtifacts } from "../engine/call-artifacts.ts";
import { Redactor } from "../engine/redactor.ts";
import type { Workspace } from "../ports/tool.ts";
import { sha256 } from "./node-sha256.ts";
import { createWorkspace } from "./workspace.ts";

it("S2 has one file of the workspace in memory at a time, however many are saved at once", async () => {
  const root = await mkdtemp(join(tmpdir(), "holdfast-call-artifacts-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const plain = createWorkspace(root);
  const names = Array.from({ length: 8 }, (_, at) => `${at}.txt`);
  for (const name of names) await plain.write(name, name);
  let open = 0;
  let most = 0;
  const read: Workspace["read"] = async (...asked) => {
    open += 1;
    most = Math.max(most, open);
    return plain.read(...asked).finally(() => (open -= 1));
  };
  const artifacts = new CallArtifacts({
    workspace: { ...plain, read },
    services: { sha256, redactor: new Redactor() },
  });
  const save = (name: string) => artifacts.save({ name, mediaType: "text/plain", path: name });
  const [missing, ...saved] = await Promise.allSettled([save("not there"), ...names.map(save)]);
  expect(missing?.status).toBe("rejected");
  expect(saved.map(({ status }) => status)).toEqual(names.map(() => "fulfilled"));
  expect(most).toBe(1);
  expect((await artifacts.finish()).artifacts.map(({ name }) => name)).toEqual(names);
});
