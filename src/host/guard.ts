import { createContext, Script } from "node:vm";
import { HarnessError } from "../errors.js";
import { withStackFrames } from "../vm/stack-frames.js";

/**
 * Stops a guest that loops: whatever runs inside `run` has a budget of time.
 *
 * Starting the watchdog costs some 50 µs, so one `run` should hold as much as possible: a callback by itself, or all the
 * exchanges of a batch. Inside another `run` it costs nothing.
 */
export class Guard {
  readonly budgetMs: number;
  #active = false;

  /** @param budgetMs Milliseconds that one entry, or one batch, may take; 0: no limit. */
  constructor(budgetMs: number) {
    this.budgetMs = budgetMs;
  }

  /** Nothing more is needed: the budget is off, or a `run` is under way. */
  get active(): boolean {
    return this.#active || this.budgetMs === 0;
  }

  /**
   * @param inside Who is told when the work was stopped; in a batch, whoever was entered last.
   * @param budgetMs For this run alone.
   */
  run<T>(work: () => T, inside?: Interruptible, budgetMs = this.budgetMs): T {
    if (this.#active) return work();
    if (budgetMs === 0) return withStackFrames(work);
    this.#active = true;
    this.inside = inside;
    sandbox["work"] = work;
    try {
      return withStackFrames(() => script.runInContext(sandbox, { timeout: budgetMs }) as T);
    } catch (thrown) {
      if (!isTimeout(thrown)) throw thrown;
      const timeout = new GuestTimeout(budgetMs);
      this.inside?.interrupted(timeout);
      throw timeout;
    } finally {
      this.#active = false;
      this.inside = undefined;
      sandbox["work"] = undefined;
    }
  }

  /** What runs now, if anything. */
  inside: Interruptible | undefined;
}

/** Something that can be stopped in the middle: none of its own code runs then, so it must be put in order afterwards. */
export interface Interruptible {
  interrupted(timeout: GuestTimeout): void;
}

/** The guest ran longer than its budget and was stopped; its VM is lost. */
export class GuestTimeout extends Error {
  override readonly name = "GuestTimeout";
  readonly budgetMs: number;
  constructor(budgetMs: number) {
    super(`still running after ${budgetMs} ms`);
    this.budgetMs = budgetMs;
  }
}

/** The error that a test sees when a guest was stopped. */
export function timeoutError(callback: string, contextId: number, timeout: GuestTimeout): HarnessError {
  return new HarnessError(
    "GUEST_TIMEOUT",
    `Guest stopped in ${callback} (context ${contextId}): ${timeout.message}; raise the budget with budgetMs, or 0 for none`,
    { cause: timeout },
  );
}

const sandbox: Record<string, unknown> = createContext({ work: undefined });
const script = new Script("work()");

function isTimeout(thrown: unknown): boolean {
  return (thrown as { code?: unknown } | undefined)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}
