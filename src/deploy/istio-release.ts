import { refusal } from "./checks.js";

/**
 * The minor of a release `1.11`; undefined for none.
 *
 * @throws {HarnessError} OPTION_INVALID
 */
export function istioMinor(istio: string | undefined): number | undefined {
  if (istio === undefined) return undefined;
  const minor = /^1\.(\d+)$/.exec(istio)?.[1];
  if (minor === undefined) throw refusal(`"${istio}" is no minor release of Istio: write it as 1.11`);
  return Number(minor);
}

/**
 * Refuses what a release does not have. Deployment reference, section 10.
 *
 * @param instead What to do there.
 * @throws {HarnessError} OPTION_INVALID
 */
export function needs(istio: string | undefined, since: number, what: string, instead: string): void {
  const minor = istioMinor(istio);
  if (minor === undefined || minor >= since) return;
  throw refusal(`Istio ${istio} has no ${what}, which came with 1.${since}: ${instead}`);
}
