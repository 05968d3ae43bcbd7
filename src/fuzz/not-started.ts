import type { HarnessError } from "../errors.js";
import type { Finding, FuzzReport } from "./fuzz.js";

/** What a plugin does at its start: that is what the run found. */
export const startFailures: ReadonlySet<string> = new Set([
  "VM_START_REFUSED",
  "CONFIGURE_REFUSED",
  "GUEST_TRAPPED",
  "GUEST_TIMEOUT",
]);

/** There is nothing to play where the plugin does not start. */
export function notStarted({ code, message, details }: HarnessError, seed: number, elapsedMs: number): FuzzReport {
  const finding: Finding = {
    property: starts,
    cause: code,
    message,
    details,
    case: undefined,
    configuration: undefined,
    seed,
    path: "s",
    shrinks: 0,
    run: 0,
    foundAfterMs: elapsedMs,
    lastCalls: [],
  };
  const spent = { played: 0, playMs: 0, restoreMs: 0, otherMs: elapsedMs };
  return { seed, runs: 0, findings: [finding], properties: [starts], elapsedMs, spent, ended: "failures" };
}

const starts = "starts";
