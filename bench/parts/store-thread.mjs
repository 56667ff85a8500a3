/** Gets hold of the store's thread, and of what crosses to it, without a change to the package. */
import worker from "node:worker_threads";
import { syncBuiltinESMExports } from "node:module";

/** Must run before the package is loaded. Answers a list that its threads are added to. */
export const watchThreads = ({ onRequest = () => undefined, onReply = () => undefined } = {}) => {
  const threads = [];
  const { Worker } = worker;
  worker.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      threads.push(this);
      this.on("message", onReply);
    }
    postMessage(message, transfer) {
      onRequest(message);
      super.postMessage(message, transfer);
    }
  };
  syncBuiltinESMExports();
  return threads;
};
