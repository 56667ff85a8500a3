import type { Locator } from "playwright-core";
import { z } from "zod";
import { ToolError } from "../../core/errors.ts";
import { rulesFor } from "../../definitions/host-list.ts";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { BrowserSession } from "./browser-session.ts";
import { defineBrowserTool, type Making } from "./define-browser-tool.ts";
import { notDone, pageFailure, textOf } from "./page-failure.ts";
import { tellAction } from "./tell-page.ts";
import { within } from "./within.ts";

const REF = z.string().min(1).max(100).describe("Reference of the element, from the newest view: v1e5.");
const ACCEPT = z
  .boolean()
  .optional()
  .describe(
    'Whether a question that the page asks in a dialog is answered with "OK". It is dismissed otherwise.',
  );

const ELEMENT = z
  .string()
  .min(1)
  .max(500)
  .optional()
  .describe(
    'What the element is, as the view calls it, for whoever approves: button "Order". It is checked.',
  );

const FIELD = z.object({
  ref: REF,
  text: z.string().max(100_000).optional().describe("What the field is to hold, in place of what it holds."),
  secret: z.string().max(200).optional().describe("Name of a secret to be filled in, in place of text."),
});

const CLICK_INPUT = z.object({
  ref: REF,
  element: ELEMENT,
  fields: z.array(FIELD).max(50).optional().describe("Fields that are filled first, in the same call."),
  double: z.boolean().optional().describe("Clicks twice."),
  accept: ACCEPT,
});

export const clickTool = (making: Making): DefinedTool =>
  defineBrowserTool(making, {
    name: "click",
    description: "Clicks an element of the page. A page that it leads to is shown.",
    input: CLICK_INPUT,
    effect: "write",
    execute: ({ ref, element: name, fields = [], double = false, accept = false }, session, call) => {
      const filling = fields.map((field) => fillOf(field, { session, call }));
      return act(session, {
        ref,
        accept,
        what: "The click",
        did: `${fields.length === 0 ? "" : `Filled ${fields.map((field) => field.ref).join(", ")}. `}Clicked ${ref}.`,
        check: async (element, timeout) => {
          session.checkName(ref, name);
          for (const { check } of filling) await check(timeout);
          // A button may be there for filled fields alone.
          if (fields.length === 0) await element.click({ trial: true, timeout });
        },
        perform: async (element, timeout) => {
          for (const { perform } of filling) await perform(timeout);
          const options = { timeout, noWaitAfter: true };
          await (double ? element.dblclick(options) : element.click(options));
        },
      });
    },
  });

const FILL_INPUT = FIELD.extend({
  submit: z.boolean().optional().describe("Presses Enter afterwards."),
});

export const fillTool = (making: Making): DefinedTool =>
  defineBrowserTool(making, {
    name: "fill",
    description: `Fills a field of the page with text${secretsOf(making)}.`,
    input: FILL_INPUT,
    effect: "write",
    execute: (input, session, call) => {
      const { ref, submit = false } = input;
      const filling = fillOf(input, { session, call });
      return act(session, {
        ref,
        what: "Filling the field",
        did: `Filled ${ref}${submit ? " and pressed Enter" : ""}.`,
        check: (_element, timeout) => filling.check(timeout),
        perform: async (element, timeout) => {
          await filling.perform(timeout);
          if (submit) await element.press("Enter", { timeout, noWaitAfter: true });
        },
      });
    },
  });

type Filling = {
  readonly check: (timeout: number) => Promise<void>;
  readonly perform: (timeout: number) => Promise<void>;
};

/** Filling one field: what is looked at first, and the filling. */
const fillOf = (
  { ref, text, secret }: z.infer<typeof FIELD>,
  { session, call }: { readonly session: BrowserSession; readonly call: ToolContext },
): Filling => {
  let value = text ?? "";
  return {
    check: async (timeout) => {
      const element = session.locate(ref);
      await element.waitFor({ state: "visible", timeout });
      if (!(await element.isEditable({ timeout })))
        throw notDone("element", `${ref} cannot be written in now.`);
      if (secret !== undefined) value = await secretFor(secret, { element, session, call });
    },
    perform: (timeout) => session.locate(ref).fill(value, { timeout }),
  };
};

const SELECT_INPUT = z.object({
  ref: REF,
  values: z
    .array(z.string().max(1_000))
    .min(1)
    .max(100)
    .describe("Options by what they say, or by their value."),
});

export const selectTool = (making: Making): DefinedTool =>
  defineBrowserTool(making, {
    name: "select",
    description: "Chooses among the options of a list on the page.",
    input: SELECT_INPUT,
    effect: "write",
    execute: ({ ref, values }, session) =>
      act(session, {
        ref,
        what: "Choosing",
        did: `Chose ${values.join(", ")} in ${ref}.`,
        check: (element, timeout) => element.waitFor({ state: "visible", timeout }),
        perform: async (element, timeout) => void (await element.selectOption(values, { timeout })),
      }),
  });

const PRESS_INPUT = z.object({
  key: z.string().min(1).max(50).describe('A key, or keys together: "Enter", "ArrowDown", "Control+A", "a".'),
  ref: REF.optional().describe("The element that is to have it; whatever has the focus by default."),
  accept: ACCEPT,
});

export const pressTool = (making: Making): DefinedTool =>
  defineBrowserTool(making, {
    name: "press",
    description: "Presses a key.",
    input: PRESS_INPUT,
    effect: "write",
    execute: ({ key, ref, accept = false }, session) =>
      ref === undefined
        ? pressAnywhere(session, key, accept)
        : act(session, {
            ref,
            accept,
            what: "Pressing the key",
            did: `Pressed ${key}.`,
            check: (element, timeout) => element.waitFor({ state: "visible", timeout }),
            perform: (element, timeout) => element.press(key, { timeout, noWaitAfter: true }),
          }),
  });

/** For whatever has the focus. */
const pressAnywhere = async (session: BrowserSession, key: string, accept: boolean): Promise<string> => {
  const page = await session.page();
  const before = { page, url: page.url(), documents: session.tabs.documents };
  await session.tabs.watched(page);
  session.tabs.acceptsDialogs = accept;
  const pressing = page.keyboard.press(key).then(() => "pressed");
  const pressed = await within(session.context, session.settings.actionTimeoutMs, pressing).catch(
    (thrown: unknown) => {
      throw pageFailure(thrown, {
        what: "Pressing the key",
        ...(REFUSED_AT_ONCE.test(textOf(thrown)) ? { executed: false } : {}),
      });
    },
  );
  if (pressed === undefined) {
    session.noteStuck();
    throw new ToolError(`The page did not take the key within ${session.settings.actionTimeoutMs} ms.`, {
      retryable: false,
      details: { reason: "timeout" },
    });
  }
  await session.settle(page);
  return tellAction(session, { did: `Pressed ${key}.`, before });
};

type Action = {
  readonly ref: string;
  readonly accept?: boolean;
  readonly what: string;
  readonly did: string;
  /** Whether it can be done; what fails here has changed nothing. */
  readonly check: (element: Locator, timeout: number) => Promise<void>;
  readonly perform: (element: Locator, timeout: number) => Promise<void>;
};

/** What the driver says before it has touched anything. */
const REFUSED_AT_ONCE =
  /Unknown key|Cannot type text|cannot be filled|Malformed value|is not an? <|did not find some options|Element is not a/;

/**
 * Does something to an element. It is looked at first whether that can be done: up to there nothing has happened, and the model is
 * told so. From the first touch on, what fails has an unknown outcome (E2).
 */
const act = async (session: BrowserSession, action: Action): Promise<string> => {
  const { ref, accept = false, what, did, check, perform } = action;
  const { actionTimeoutMs } = session.settings;
  const page = await session.page();
  const element = session.locate(ref);
  const before = { page, url: page.url(), documents: session.tabs.documents };
  await found(element, ref);
  await session.tabs.watched(page);
  await check(element, actionTimeoutMs).catch((thrown: unknown) => {
    throw notYet(thrown, what);
  });
  session.tabs.acceptsDialogs = accept;
  await perform(element, actionTimeoutMs).catch((thrown: unknown) => {
    if (REFUSED_AT_ONCE.test(textOf(thrown))) throw notYet(thrown, what);
    throw pageFailure(thrown, { what });
  });
  await session.settle(page);
  return tellAction(session, { did, before });
};

const FIND_MS = 1_500;

const found = async (element: Locator, ref: string): Promise<void> => {
  try {
    await element.waitFor({ state: "attached", timeout: FIND_MS });
  } catch (thrown) {
    const failed = pageFailure(thrown, { what: "Finding the element", executed: false });
    if (failed.failure.details?.["reason"] !== "timeout") throw failed;
    throw notDone("ref", `${ref} is not there any more, or the page does not answer. Take a snapshot.`);
  }
};

/** Nothing was done. */
const notYet = (thrown: unknown, what: string): ToolError => {
  const failed = pageFailure(thrown, { what, executed: false });
  return new ToolError(failed.message, {
    executed: false,
    retryable: false,
    details: { ...failed.failure.details },
  });
};

const secretsOf = ({ settings }: Making): string =>
  settings.secrets.size === 0
    ? ""
    : `, or with a secret by its name: ${[...settings.secrets.keys()].join(", ")}`;

type SecretPlace = {
  readonly element: Locator;
  readonly session: BrowserSession;
  readonly call: ToolContext;
};

/** A secret, where the element is on a page that it is for; a frame within a page is a page of its own. */
const secretFor = async (name: string, { element, session, call }: SecretPlace): Promise<string> => {
  const hosts = session.settings.secrets.get(name);
  if (hosts === undefined) throw notDone("secret", `There is no secret "${name}" for pages.`);
  const handle = await element.elementHandle({ timeout: FIND_MS });
  const url = URL.parse((await handle.ownerFrame())?.url() ?? "");
  const port = url?.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url?.port);
  if (url === null || rulesFor(hosts, url.hostname, port).length === 0)
    throw notDone("secret", `The secret "${name}" is not for pages of ${url?.hostname ?? "nowhere"}.`);
  return call.secret(name);
};
