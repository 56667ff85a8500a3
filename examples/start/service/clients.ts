/** Who uses the desk, by process id; it closes when the last one leaves. */
export type Clients = {
  enter(pid: number): void;
  /** Answers whether nobody is left. */
  leave(pid: number): boolean;
  touch(): void;
  /** How long nobody has asked for anything; 0 while a client is alive. */
  idleMs(): number;
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

export const createClients = (): Clients => {
  const pids = new Set<number>();
  let lastAt = Date.now();
  const isEmpty = (): boolean => ![...pids].some(isAlive);
  return {
    enter: (pid) => void pids.add(pid),
    leave: (pid) => {
      pids.delete(pid);
      return isEmpty();
    },
    touch: () => {
      lastAt = Date.now();
    },
    idleMs: () => (isEmpty() ? Date.now() - lastAt : 0),
  };
};
