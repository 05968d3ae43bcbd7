import { HarnessError, type HarnessErrorCode, type HarnessErrorOptions } from "../../errors.js";

/** Codes of this folder. */
export type EnvoyErrorCode =
  | "ENVOY_MISSING" // no Envoy where one was named, or none anywhere
  | "ENVOY_UNUSABLE" // it cannot be run, or does not say its version
  | "ENVOY_WITHOUT_V8" // it was built without V8 and refuses every plugin
  | "ENVOY_INSTALL_FAILED" // pip could not install it
  | "ENVOY_STUCK" // it neither began to listen nor ended in the time it has
  | "RECORDING_INVALID"; // a line of a recordings file is not what recordings look like

export function envoyError(code: EnvoyErrorCode, message: string, options?: HarnessErrorOptions): HarnessError {
  // A cast until src/errors.ts lists these codes.
  return new HarnessError(code as string as HarnessErrorCode, message, options);
}
