import { utf8 } from "../../abi/bytes.js";
import { LogLevel } from "../../abi/enums.js";
import type { HostProcess } from "../../host/process.js";

/** Lines of Envoy's ENVOY_BUG, each printed the first time, the second, the fourth, ... */
export class BugLines {
  /** How often each came. */
  readonly times = new Map<string, number>();

  write(thread: HostProcess, what: string): void {
    const times = (this.times.get(what) ?? 0) + 1;
    this.times.set(what, times);
    if ((times & (times - 1)) !== 0) return;
    thread.log.write(LogLevel.Error, "host", 0, "envoy_bug", utf8(`envoy bug failure: ${what}`));
  }
}
