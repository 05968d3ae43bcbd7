import type { Comparison } from "./report.js";
import type { Estimate } from "./statistics.js";

/** @param name What it is compared with. @param ratio New to old. */
export function compared(name: string, ratio: Estimate, note: string | undefined): Comparison {
  const verdict = ratio.low > 1 ? "slower" : ratio.high < 1 ? "faster" : "no difference seen";
  return { with: name, ratio, verdict, note };
}
