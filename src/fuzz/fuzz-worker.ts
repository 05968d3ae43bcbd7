import { parentPort, workerData } from "node:worker_threads";
import { HarnessError, messageOf } from "../errors.js";
import { fuzzWith } from "./fuzz.js";
import type { Descendant } from "./guided/guide.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./workers.js";

const port = parentPort!;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
const tell = (message: FromWorker): void => port.postMessage(message);

let cases: Descendant[] = [];
let causes: string[] = [];
let made: Descendant[] = [];
const stop = new AbortController();

port.on("message", (message: ToWorker) => {
  if (message.kind === "cases") cases.push(...message.made);
  else if (message.kind === "cause") causes.push(message.cause);
  else stop.abort();
});

const options = workerData as WorkerOptions;
try {
  const report = await fuzzWith(
    {
      ...options,
      signal: stop.signal,
      onProgress: (progress) => {
        // in one message what a slice kept
        if (made.length > 0) tell({ kind: "kept", made });
        made = [];
        tell({ kind: "progress", progress });
      },
    },
    {
      takeCases: () => {
        const taken = cases;
        cases = [];
        return taken;
      },
      takeCauses: () => {
        const taken = causes;
        causes = [];
        return taken;
      },
      // what lies in a directory the others read there
      kept: (one) => void (options.corpus === undefined && made.push(one)),
      found: (finding) => tell({ kind: "found", finding }),
    },
  );
  tell({ kind: "report", report });
} catch (thrown) {
  const known = thrown instanceof HarnessError ? thrown : undefined;
  tell({ kind: "failed", code: known?.code, message: messageOf(thrown), details: [...(known?.details ?? [])] });
} finally {
  port.close();
}
