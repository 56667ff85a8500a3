type ReadBytes = { readonly bytes: Buffer; readonly isCut: boolean };

/** The body of an answer, as far as it may go; the rest is not fetched. */
export const readBytes = async (response: Response, maxBytes: number): Promise<ReadBytes> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: ReadableStream<Uint8Array> | null = response.body;
  const reader = body?.getReader();
  if (reader === undefined) return { bytes: Buffer.alloc(0), isCut: false };
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    chunks.push(step.value);
    size += step.value.byteLength;
    if (size > maxBytes) {
      await reader.cancel().catch(() => undefined);
      return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), isCut: true };
    }
  }
  return { bytes: Buffer.concat(chunks), isCut: false };
};
