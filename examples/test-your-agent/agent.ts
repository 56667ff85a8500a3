import { defineAgent, defineTool, type ModelChoice } from "holdfast";
import { z } from "zod";

export type Mail = { readonly to: string; readonly text: string; readonly key: string };

/** The mail service this agent sends through; a test gives one of its own. */
export type Mailer = { send(mail: Mail): Promise<void>; wasSent(key: string): Promise<boolean> };

type Deps = { readonly mailer: Mailer };

const sendMail = defineTool<Deps>()({
  name: "send_mail",
  description: "Sends an e-mail.",
  inputSchema: z.object({ to: z.email(), text: z.string() }),
  effect: "write",
  async execute({ to, text }, { deps, idempotencyKey }) {
    await deps.mailer.send({ to, text, key: idempotencyKey });
    return "sent";
  },
  async verify(_input, { deps, idempotencyKey }) {
    const wasSent = await deps.mailer.wasSent(idempotencyKey);
    return wasSent ? { status: "done", output: "sent" } : { status: "not-done" };
  },
});

/** The agent under test. Its model is given, so that a test can give a scripted one. */
export const createClerk = (model: ModelChoice) =>
  defineAgent({ name: "clerk", model, instructions: "Answer mail.", tools: [sendMail] });
