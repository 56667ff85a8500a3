/**
 * Calls `onLate` once after `ms` milliseconds, unless the function that it gives back is called first. It is the machine's time, and
 * not that of a runtime whose clock may be held still: what is limited here goes on in the machine's time too.
 */
export const startDeadline = (ms: number, onLate: () => void): (() => void) => {
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const { value: rung } = Atomics.waitAsync(bell, 0, 0, ms);
  void Promise.resolve(rung).then((how) => {
    if (how === "timed-out") onLate();
  });
  return () => {
    Atomics.notify(bell, 0);
  };
};
