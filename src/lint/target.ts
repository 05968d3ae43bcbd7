import { HarnessError } from "../errors.js";

/** What the manifests are for. Undefined: not told, checks of versions are passed over. */
export interface LintTarget {
  /** The minor of Istio 1.x. */
  readonly istio: number | undefined;
  /** The minor of Envoy 1.x; that of the Istio where only that is told. */
  readonly envoy: number | undefined;
}

/** Istio 1.N is built from Envoy 1.(N+8). Deployment reference, section 10. */
const envoyAhead = 8;
export const oldestIstio = 9;
export const newestIstio = 31;

/**
 * @param istio `1.11`, `1.29.2`
 * @param envoy `1.33`
 * @throws {HarnessError} OPTION_INVALID
 */
export function lintTarget(istio: string | undefined, envoy: string | undefined): LintTarget {
  const [ofIstio, ofEnvoy] = [minorOf("Istio", istio), minorOf("Envoy", envoy)];
  if (ofIstio !== undefined && (ofIstio < oldestIstio || ofIstio > newestIstio)) {
    const range = `1.${oldestIstio} to 1.${newestIstio}`;
    throw new HarnessError("OPTION_INVALID", `Cannot check for Istio "${istio}": known are ${range}`);
  }
  return { istio: ofIstio, envoy: ofEnvoy ?? (ofIstio === undefined ? undefined : ofIstio + envoyAhead) };
}

function minorOf(what: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const [, minor] = /^(?:istio-|envoy-|v)?1\.(\d{1,3})(?:\.\d+)?$/.exec(given.trim().toLowerCase()) ?? [];
  if (minor === undefined) {
    throw new HarnessError("OPTION_INVALID", `Cannot check for ${what} "${given}": write a release such as 1.29`);
  }
  return Number(minor);
}
