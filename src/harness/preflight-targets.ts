import { HarnessError } from "../errors.js";
import type { Profile } from "../proxy/envoy/profiles.js";
import { istioMinors, profileOf, profiles } from "../proxy/envoy/profiles.js";

/** A release that a module is meant for. */
export interface Target {
  /** As it was named: `istio=1.11`, `envoy=1.40`. */
  readonly name: string;
  readonly profile: Profile;
  /** Minor release of the Istio, where one was named. */
  readonly istioMinor: number | undefined;
}

const form = "write it as istio=1.11, istio=1.2x (all of 1.20 to 1.29) or envoy=1.40";

/**
 * The targets that a name stands for: one, or with an `x` for a digit all that there are.
 *
 * @throws {HarnessError} OPTION_INVALID
 */
export function targetsOf(name: string): Target[] {
  const [, proxy, minor] = /^(istio|envoy)=v?1\.(\d+|\d*x)(?:\.\d+)?$/i.exec(name.trim()) ?? [];
  if (proxy === undefined || minor === undefined) {
    throw new HarnessError("OPTION_INVALID", `Cannot use target "${name}": ${form}`);
  }
  const isIstio = proxy.toLowerCase() === "istio";
  if (!minor.endsWith("x")) return [target(isIstio, Number(minor), name.trim().toLowerCase())];
  const wanted = new RegExp(`^${minor.replace("x", "\\d")}$`);
  const found = known(isIstio).filter((one) => wanted.test(String(one)));
  if (found.length === 0) {
    const all = known(isIstio);
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot use target "${name}": there is none; known are 1.${all[0]} to 1.${all.at(-1)}`,
    );
  }
  return found.map((one) => target(isIstio, one, `${isIstio ? "istio" : "envoy"}=1.${one}`));
}

/** The newest release that was recorded. */
export function newestTarget(): Target {
  const profile = profileOf();
  return { name: `envoy=${profile.release.replace(/\.\d+$/, "")}`, profile, istioMinor: undefined };
}

function target(isIstio: boolean, minor: number, name: string): Target {
  const profile = profileOf(isIstio ? `istio-1.${minor}` : `1.${minor}`);
  return { name, profile, istioMinor: isIstio ? minor : undefined };
}

/** Minor releases, the oldest first. */
function known(isIstio: boolean): number[] {
  const { oldest, newest } = istioMinors;
  if (isIstio) return Array.from({ length: newest - oldest + 1 }, (_, i) => oldest + i);
  return profiles.map(({ release }) => Number(release.split(".")[1])).toSorted((a, b) => a - b);
}
