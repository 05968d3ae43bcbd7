import { parentPort, workerData } from "node:worker_threads";
import type { TestFile } from "../scenario/run-tests.js";
import { readTests, resultOf } from "../scenario/run-tests.js";
import { suiteReader, type SuiteArguments } from "./suite-reader.js";

/** What a thread of `pwh test` is started with. */
export interface WorkerSetup {
  readonly envoy: string | undefined;
  readonly suites: SuiteArguments;
}

/** One test to be run, and its answer: the file, its place in it, and a number of the asker's. */
export interface WorkerTask {
  readonly id: number;
  readonly file: string;
  readonly index: number;
}

const { envoy, suites } = workerData as WorkerSetup;
const other = suiteReader(suites);
const files = new Map<string, Promise<TestFile>>();

function fileOf(file: string): Promise<TestFile> {
  let found = files.get(file);
  if (found === undefined) {
    found = other(file) ?? readTests(file, envoy === undefined ? {} : { envoy });
    files.set(file, found);
  }
  return found;
}

/** One after the other: tests of a file take turns on one proxy. */
let last: Promise<void> = Promise.resolve();

parentPort!.on("message", ({ id, file, index }: WorkerTask) => {
  last = last.then(async () => {
    const { tests } = await fileOf(file);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    parentPort!.postMessage({ id, result: await resultOf(tests[index]!) });
  });
});
