import { Worker } from "node:worker_threads";
import type { TestFile } from "../scenario/run-tests.js";
import type { CaseResult, TestCase } from "../scenario/types.js";
import type { WorkerSetup, WorkerTask } from "./test-worker.js";

/** Tests that a thread has waiting: enough to keep it busy, few enough for `--bail` to end soon. */
const ahead = 8;

interface Thread {
  readonly worker: Worker;
  /** Tests that it has, and has not answered. */
  busy: number;
  /** Of its file, what it will get. */
  tasks: WorkerTask[];
}

/**
 * Runs tests on several threads, each with instances of its own.
 *
 * Results are asked for in order; they come as threads have them.
 */
export class TestThreads {
  private readonly _threads: Thread[] = [];
  /** What waits, by file: a thread stays with a file, whose tests share what was started for them. */
  private readonly _waiting: WorkerTask[][] = [];
  private readonly _results = new Map<TestCase, Promise<CaseResult>>();
  private readonly _open = new Map<number, { done(result: CaseResult): void; failed(thrown: unknown): void }>();

  constructor(count: number, setup: WorkerSetup, files: readonly TestFile[], chosen: ReadonlySet<TestCase>) {
    let id = 0;
    for (const { file, tests } of files) {
      const tasks: WorkerTask[] = [];
      this._waiting.push(tasks);
      tests.forEach((test, index) => {
        if (!chosen.has(test)) return;
        const task = { id: id++, file, index };
        const result = new Promise<CaseResult>((done, failed) => this._open.set(task.id, { done, failed }));
        result.catch(() => undefined); // with --bail nobody may ask for it
        this._results.set(test, result);
        tasks.push(task);
      });
    }
    for (let i = 0; i < count; i++) this._threads.push(this._start(setup));
  }

  result(test: TestCase): Promise<CaseResult> {
    return this._results.get(test)!;
  }

  async close(): Promise<void> {
    await Promise.all(this._threads.map(({ worker }) => worker.terminate()));
  }

  private _start(setup: WorkerSetup): Thread {
    const worker = new Worker(new URL("./test-worker.js", import.meta.url), { workerData: setup });
    const thread: Thread = { worker, busy: 0, tasks: [] };
    worker.on("message", ({ id, result }: { id: number; result: CaseResult }) => {
      thread.busy--;
      this._open.get(id)!.done(result);
      this._open.delete(id);
      this._feed(thread);
    });
    worker.on("error", (thrown) => {
      for (const { failed } of this._open.values()) failed(thrown);
    });
    this._feed(thread);
    return thread;
  }

  private _feed(thread: Thread): void {
    while (thread.busy < ahead) {
      if (thread.tasks.length === 0) thread.tasks = this._next();
      const task = thread.tasks.shift();
      if (task === undefined) return;
      thread.busy++;
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      thread.worker.postMessage(task);
    }
  }

  /** A file that nobody has begun; after the last, the one of which most is left. */
  private _next(): WorkerTask[] {
    const fresh = this._waiting.findIndex(
      (tasks) => this._threads.every((thread) => thread.tasks !== tasks) && tasks.length > 0,
    );
    if (fresh >= 0) return this._waiting.splice(fresh, 1)[0]!;
    return this._threads.reduce<WorkerTask[]>((most, { tasks }) => (tasks.length > most.length ? tasks : most), []);
  }
}
