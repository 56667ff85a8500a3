const MARK = Symbol.for("holdfast.isolated-tool-host");

/** Says to every copy of this package in here that this is no place for a runtime. */
export const markHost = (): void => {
  Reflect.set(globalThis, MARK, true);
};

/** Whether this thread or process was started to run an isolated tool. */
export const isToolHost = (): boolean => MARK in globalThis;
