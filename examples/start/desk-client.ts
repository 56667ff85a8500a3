import { ToolError } from "holdfast";

export type FiledFinding = {
  readonly number: number;
  readonly reference: string;
  readonly title: string;
  readonly severity: string;
};
export type NewFinding = {
  readonly reference: string;
  readonly session: string;
  readonly title: string;
  readonly severity: string;
  readonly path?: string | undefined;
  readonly detail?: string | undefined;
};

/** The findings desk over HTTP. Knows of each failure whether anything can have happened. */
export type DeskClient = {
  file(finding: NewFinding, signal: AbortSignal): Promise<FiledFinding>;
  find(reference: string, signal: AbortSignal): Promise<readonly FiledFinding[]>;
  advice(topic: string, signal: AbortSignal): Promise<string>;
};

export const createDeskClient = (url: string): DeskClient => ({
  file: async (finding, signal) => {
    const body = JSON.stringify(finding);
    const answer = await request(`${url}/findings`, { method: "POST", body, signal });
    return (answer as { readonly finding: FiledFinding }).finding;
  },
  find: async (reference, signal) => {
    const answer = await request(`${url}/findings?reference=${encodeURIComponent(reference)}`, { signal });
    return (answer as { readonly findings: readonly FiledFinding[] }).findings;
  },
  advice: async (topic, signal) => {
    const answer = await request(`${url}/advice?topic=${encodeURIComponent(topic)}`, { signal });
    return (answer as { readonly advice: string }).advice;
  },
});

const request = async (url: string, init: RequestInit): Promise<unknown> => {
  const response = await connect(url, init);
  if (response.ok) return readAnswer(response);
  const said = await response.text().catch(() => "");
  const message = `the desk answered ${response.status}`;
  if (response.status === 429) {
    const seconds = Number(response.headers.get("retry-after"));
    // It was turned away at the door: a promise that nothing happened, which makes it safe to try again.
    throw new ToolError(message, {
      executed: false,
      ...(seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {}),
    });
  }
  if (response.status < 500) {
    throw new ToolError(`${message}: ${said.slice(0, 300)}`, { executed: false, retryable: false });
  }
  // It may have broken before or after it did what it was asked to: nobody can say from here.
  throw new ToolError(message);
};

const connect = async (url: string, init: RequestInit): Promise<Response> => {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (isRefused(error))
      throw new ToolError("the desk cannot be reached", { executed: false, cause: error });
    throw new ToolError("the connection to the desk was lost", { cause: error });
  }
};

const readAnswer = async (response: Response): Promise<unknown> => {
  try {
    return await response.json();
  } catch (error) {
    throw new ToolError("the desk's answer was cut off", { cause: error });
  }
};

const isRefused = (error: unknown): boolean =>
  error instanceof Error &&
  error.cause instanceof Error &&
  "code" in error.cause &&
  error.cause.code === "ECONNREFUSED";
