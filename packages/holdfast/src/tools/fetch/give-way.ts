/** Lets everything else that is ready have its turn. */
export const giveWay = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
