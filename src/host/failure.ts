import { textOf } from "../abi/bytes.js";
import { HarnessError } from "../errors.js";
import type { LoadedModule } from "../vm/loaded-module.js";
import type { GuestFrame } from "../vm/stack-frames.js";
import { envoyBacktrace, formatFrames, guestFrames, namesFunctions } from "../vm/stack-frames.js";
import type { LogRecord } from "./log-book.js";
import type { TraceEvent } from "./trace.js";
import { formatEvent } from "./trace.js";

/** Why a VM can no longer be entered. It is the whole VM, for good. [H] FailState */
export type FailState = "StartFailed" | "ConfigureFailed" | "RuntimeError" | "UnableToInitializeCode";

/** A guest call that ended in a trap. */
export interface Trap {
  /** The export that was called: a callback, `_start`, or the allocator. */
  readonly callback: string;
  readonly contextId: number;
  /** `Uncaught RuntimeError: unreachable`, as V8 in Envoy words it. */
  readonly reason: string;
  readonly frames: readonly GuestFrame[];
  /** The module's name section names a function: without one Envoy prints no backtrace. [R] */
  readonly named: boolean;
  /** What the guest said last on its standard error or at a level above info: panics come in fragments, joined here. */
  readonly lastWords: string;
  /** Hostcalls and callbacks before the trap, oldest first. */
  readonly recent: readonly TraceEvent[];
  readonly thrown: unknown;
}

/** The trap that `thrown` tells of. */
export function describeTrap(
  thrown: unknown,
  callback: string,
  contextId: number,
  { info, bytes, originalOffset }: Pick<LoadedModule, "info" | "bytes" | "originalOffset">,
  log: readonly LogRecord[],
  recent: readonly TraceEvent[],
): Trap {
  return {
    callback,
    contextId,
    reason: reasonOf(thrown),
    frames: thrown instanceof Error ? guestFrames(thrown, info, bytes, originalOffset) : [],
    named: namesFunctions(info, bytes),
    lastWords: lastWords(log),
    recent,
    thrown,
  };
}

/** The reason in the words of Envoy's V8, which says "Uncaught" and the class. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `Uncaught ${String(thrown)}`;
  if (thrown.name === "GuestAbort") return `Uncaught Error: ${thrown.message}`;
  return `Uncaught ${thrown.name}: ${thrown.message}`;
}

/** The run of error lines at the end of the log, joined: a Go or Rust panic as one text. */
function lastWords(log: readonly LogRecord[]): string {
  let at = log.length;
  while (at > 0 && at > log.length - 64) {
    const record = log[at - 1]!;
    if (record.source !== "stderr" && record.level < 4) break;
    at--;
  }
  const run = log.slice(at);
  const fragments = run.map((record) => textOf(record.bytes));
  // A panic of Go comes in pieces of a line; one of Rust is a line each time.
  return run.every((record) => record.source === "stderr") ? fragments.join("") : fragments.join("\n");
}

/** What Envoy logs at error level about a trap: the function, the reason and, with a name section, a backtrace of so many frames. */
export function envoyTrapLine(trap: Trap, frames: number): string {
  const head = `Function: ${trap.callback} failed: ${trap.reason}`;
  if (!trap.named || trap.frames.length === 0) return head;
  return [head, "Proxy-Wasm plugin in-VM backtrace:", ...envoyBacktrace(trap.frames, frames)].join("\n");
}

/** The error that a test sees when a guest trapped. */
export function trapError(trap: Trap): HarnessError {
  const details = [...formatFrames(trap.frames)];
  if (trap.lastWords !== "") details.unshift(`the guest's last words: ${trap.lastWords.trim()}`);
  if (trap.recent.length > 0) details.push("before that:", ...trap.recent.slice(-20).map((e) => `  ${formatEvent(e)}`));
  return new HarnessError(
    "GUEST_TRAPPED",
    `Guest trapped in ${trap.callback} (context ${trap.contextId}): ${trap.reason.replace(/^Uncaught /, "")}`,
    { cause: trap.thrown, details },
  );
}
