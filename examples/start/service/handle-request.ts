import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clients } from "./clients.ts";
import { ADVICE_TOPICS, adviceOn, findingBody, type Desk } from "./desk.ts";
import { createFaults, type Fault } from "./faults.ts";

type Service = {
  readonly desk: Desk;
  readonly clients: Clients;
  readonly seed: string;
  readonly stop: () => void;
};
type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly url: URL };
type Route = (exchange: Exchange) => Promise<void> | void;

const RETRY_AFTER_S = 1;
const MAX_BODY_BYTES = 64 * 1024;

/** Answers requests, and lets some of them go wrong. */
export const createRequestHandler = (
  service: Service,
): ((request: IncomingMessage, response: ServerResponse) => void) => {
  const routes: Readonly<Record<string, Route>> = {
    "GET /health": ({ response }) => answer(response, 200, { service: "findings-desk", pid: process.pid }),
    "POST /clients": (exchange) => enter(service, exchange),
    "DELETE /clients": (exchange) => leave(service, exchange),
    "POST /findings": fileFinding(service),
    "GET /findings": ({ response, url }) =>
      answer(response, 200, { findings: service.desk.find(url.searchParams.get("reference") ?? "") }),
    "GET /advice": giveAdvice(service),
  };
  return (request, response) => {
    service.clients.touch();
    const url = new URL(request.url ?? "/", "http://desk");
    const route = routes[`${request.method} ${url.pathname}`];
    if (route === undefined) {
      answer(response, 404, { error: `There is no ${request.method} ${url.pathname} here.` });
      return;
    }
    Promise.resolve(route({ request, response, url })).catch((error: unknown) => {
      if (!response.headersSent) answer(response, 400, { error: String(error) });
    });
  };
};

const enter = async ({ clients }: Service, { request, response }: Exchange): Promise<void> => {
  clients.enter(Number((await readJson(request))["pid"]));
  answer(response, 200, {});
};

const leave = async ({ clients, stop }: Service, { request, response }: Exchange): Promise<void> => {
  const isLast = clients.leave(Number((await readJson(request))["pid"]));
  answer(response, 200, { stopping: isLast });
  if (isLast) response.on("close", stop);
};

const fileFinding = ({ desk, seed }: Service): Route => {
  const nextFault = createFaults(`${seed}:findings`, "write");
  return async ({ request, response }) => {
    const parsed = findingBody.safeParse(await readJson(request));
    if (!parsed.success) {
      answer(response, 400, {
        error: parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "),
      });
      return;
    }
    const fault = nextFault();
    desk.received(parsed.data, fault);
    if (failsBefore(response, fault)) return;
    // From here on it has happened, whatever the client gets to hear.
    const finding = desk.file(parsed.data);
    answerOrFail(response, fault, { status: 201, body: { finding } });
  };
};

const giveAdvice = ({ seed }: Service): Route => {
  const nextFault = createFaults(`${seed}:advice`, "read");
  return ({ response, url }) => {
    const fault = nextFault();
    if (failsBefore(response, fault)) return;
    const topic = url.searchParams.get("topic") ?? "";
    const advice = adviceOn(topic);
    if (advice === undefined) {
      answer(response, 404, {
        error: `No advice on "${topic}". There is some on: ${ADVICE_TOPICS.join(", ")}.`,
      });
      return;
    }
    answerOrFail(response, fault, { status: 200, body: { topic, advice } });
  };
};

const failsBefore = (response: ServerResponse, fault: Fault): boolean => {
  if (fault === "rate-limit") {
    response.setHeader("retry-after", String(RETRY_AFTER_S));
    answer(response, 429, { error: "Too many requests." });
    return true;
  }
  if (fault !== "error-before") return false;
  answer(response, 500, { error: "Something broke." });
  return true;
};

const answerOrFail = (
  response: ServerResponse,
  fault: Fault,
  { status, body }: { readonly status: number; readonly body: object },
): void => {
  const text = JSON.stringify(body);
  if (fault === "error-after") answer(response, 500, { error: "Something broke." });
  else if (fault === "cut") {
    response.writeHead(status, { "content-type": "application/json", "content-length": text.length });
    response.write(text.slice(0, text.length / 2), () => response.destroy());
  } else if (fault !== "hang") answer(response, status, body);
};

const answer = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};

const readJson = async (request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error("The body is too large.");
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  if (typeof value !== "object" || value === null) throw new Error("The body must be a JSON object.");
  return value as Readonly<Record<string, unknown>>;
};
