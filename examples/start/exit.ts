/** Exit codes, as everywhere: 128 and more say which signal ended it. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  nothingToResume: 3,
  interrupted: 130,
  terminated: 143,
} as const;
