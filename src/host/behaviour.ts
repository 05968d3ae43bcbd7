import type { Status } from "../abi/enums.js";

/**
 * Questions to which real proxies, and releases of one proxy, give different answers.
 *
 * A proxy hands in its answers; `host` asks and never compares versions.
 */
export interface Behaviour {
  /** The proxy and release the answers were read from. */
  readonly source: string;
  /** Which allocator export is called when a module has both. [S] proxy_on_memory_allocate first. [H] malloc first. */
  readonly allocators: readonly [string, string];
  /** Do hostcalls of another ABI version than the module's link? [H] no: "missing import". */
  readonly linksOtherVersions: boolean;
  /** WASI functions the host has; undefined: all. */
  readonly wasiFunctions: ReadonlySet<string> | undefined;
  /** Incrementing a counter by 0. [E] BAD_ARGUMENT. */
  readonly counterIncrementByZero: Status;
  /** Lines of a backtrace in the log, at most. [E] */
  readonly backtraceFrames: number;
}
