import { McpError } from "./mcp-error.ts";

const NEWLINE = 10;
const RETURN = 13;

/** Counts the bytes of one message: of the whole body, or in a stream of events of what stands between two empty lines. */
class MessageMeter {
  readonly #isEvents: boolean;
  #bytes = 0;
  #lineBytes = 0;

  constructor(isEvents: boolean) {
    this.#isEvents = isEvents;
  }

  /** Bytes of the longest message that ends, or has begun, in this chunk. */
  add(chunk: Uint8Array): number {
    if (!this.#isEvents) return (this.#bytes += chunk.length);
    let longest = 0;
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const isEmpty =
        this.#lineBytes + at - from === 0 || (this.#lineBytes + at - from === 1 && chunk[at - 1] === RETURN);
      this.#bytes += at + 1 - from;
      longest = Math.max(longest, this.#bytes);
      if (isEmpty) this.#bytes = 0;
      this.#lineBytes = 0;
      from = at + 1;
    }
    this.#bytes += chunk.length - from;
    this.#lineBytes += chunk.length - from;
    return Math.max(longest, this.#bytes);
  }
}

/** The same answer, whose body fails as soon as one message in it is longer than it may be. */
export const boundBody = (
  response: Response,
  limit: { readonly name: string; readonly maxBytes: number },
): Response => {
  if (response.body === null) return response;
  const meter = new MessageMeter(
    response.headers.get("content-type")?.includes("text/event-stream") === true,
  );
  const bounded = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (meter.add(chunk) > limit.maxBytes) controller.error(tooLong(limit));
        else controller.enqueue(chunk);
      },
    }),
  );
  const { status, statusText, headers } = response;
  const copy = new Response(bounded, { status, statusText, headers });
  // The SDK looks at where an answer came from, which a response that was made by hand does not say.
  Object.defineProperty(copy, "url", { value: response.url });
  return copy;
};

const tooLong = ({ name, maxBytes }: { readonly name: string; readonly maxBytes: number }): McpError =>
  new McpError(`The MCP server "${name}" sent a message longer than ${maxBytes} bytes.`, {
    hint: "Raise maxMessageBytes, or ask for less.",
  });
