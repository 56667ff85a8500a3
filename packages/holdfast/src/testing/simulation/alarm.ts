/** The code of a failure that was logged. */
export const codeOf = (failure: unknown): unknown =>
  typeof failure === "object" && failure !== null && "code" in failure ? failure.code : undefined;

/** A store that is away is bad weather; anything else that stops a session is a defect. */
export const isAlarming = (failure: unknown): boolean => {
  const code = codeOf(failure);
  return code !== undefined && code !== "STORE_UNAVAILABLE";
};
