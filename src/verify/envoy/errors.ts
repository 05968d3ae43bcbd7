import type { HarnessErrorCode, HarnessErrorOptions } from "../../errors.js";
import { HarnessError } from "../../errors.js";

/** Codes of this folder. */
export type EnvoyErrorCode = Extract<HarnessErrorCode, `ENVOY_${string}` | "RECORDING_INVALID">;

export function envoyError(code: EnvoyErrorCode, message: string, options?: HarnessErrorOptions): HarnessError {
  return new HarnessError(code, message, options);
}
