import { noBytes, utf8 } from "../abi/bytes.js";
import type { LogLevel, LogLevelName } from "../abi/enums.js";
import { logLevelNames } from "../abi/enums.js";
import { didYouMean } from "../abi/nearest.js";
import { HarnessError, messageOf } from "../errors.js";

/**
 * A configuration as bytes: text is UTF-8, an object becomes JSON.
 *
 * @throws {HarnessError} OPTION_INVALID for what JSON cannot hold.
 */
export function configurationBytes(given: string | Uint8Array | object | undefined): Uint8Array {
  if (given === undefined) return noBytes;
  if (typeof given === "string") return utf8(given);
  if (given instanceof Uint8Array) return given;
  if (given instanceof ArrayBuffer || given instanceof SharedArrayBuffer) return new Uint8Array(given);
  if (ArrayBuffer.isView(given)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  const refuse = (why: string, cause?: unknown): never => {
    throw new HarnessError("OPTION_INVALID", `Cannot use the configuration: ${why}; give text, bytes or a JSON value`, {
      cause,
    });
  };
  let json: string | undefined;
  try {
    json = JSON.stringify(given);
  } catch (thrown) {
    return refuse(`it does not become JSON (${messageOf(thrown).split("\n")[0]})`, thrown);
  }
  return json === undefined ? refuse(`a ${typeof given} does not become JSON`) : utf8(json);
}

/** Milliseconds for the watchdog, which takes no more than 32 bits. @throws {HarnessError} OPTION_INVALID */
export function budgetOf(given = 1000): number {
  if (Number.isInteger(given) && given >= 0 && given <= longestBudget) return given;
  throw new HarnessError(
    "OPTION_INVALID",
    `Cannot use budgetMs ${given}: a whole number of milliseconds from 0 (no limit) to ${longestBudget} is wanted`,
  );
}
/** An hour. */
const longestBudget = 3_600_000;

/** A level by its name or number. @throws {HarnessError} OPTION_INVALID */
export function logLevelOf(given: LogLevelName | LogLevel): LogLevel {
  const level = typeof given === "number" ? given : logLevelNames.indexOf(given);
  if (Number.isInteger(level) && level >= 0 && level <= 5) return level as LogLevel;
  const hint = typeof given === "string" ? didYouMean(given, logLevelNames) : "";
  throw new HarnessError(
    "OPTION_INVALID",
    `Cannot use log level "${given}": levels are ${logLevelNames.join(", ")}${hint}`,
  );
}
