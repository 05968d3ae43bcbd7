import fc from "fast-check";
import { HarnessError } from "../errors.js";
import { configurationBytes } from "../harness/option-values.js";
import type { FilterOptions } from "../harness/proxy-options.js";
import { createProxy } from "../harness/create-proxy.js";
import { configurationNear } from "./arbitraries.js";
import type { Finding } from "./fuzz.js";

/** Configurations that are tried: each starts a VM of its own. */
const tries = 150;

/**
 * Property `configuration-robust`: whatever the configuration, the plugin takes or refuses it; it never traps or hangs, neither
 * then nor at the first request under one that it took.
 */
export async function fuzzConfiguration(
  filter: FilterOptions,
  options: {
    readonly seed: number;
    readonly budgetMs: number;
    readonly path: string | undefined;
    readonly timeMs: number;
  },
): Promise<Finding | undefined> {
  const { seed, budgetMs, path, timeMs } = options;
  const given = new TextDecoder().decode(configurationBytes(filter.configuration));
  const begun = performance.now();
  let failure: HarnessError | undefined;
  let foundAfterMs = 0;
  const details = await fc.check(
    fc.asyncProperty(configurationNear(given), async (configuration) => {
      let broken = await failureWith({ ...filter, configuration }, budgetMs);
      // on a busy machine anything may take long once
      if (broken?.code === "GUEST_TIMEOUT") broken = await failureWith({ ...filter, configuration }, budgetMs);
      if (broken === undefined) return true;
      if (failure === undefined) foundAfterMs = performance.now() - begun;
      failure = broken;
      return false;
    }),
    { seed, numRuns: tries, interruptAfterTimeLimit: timeMs, ...(path !== undefined && { path, endOnFailure: true }) },
  );
  if (!details.failed || details.counterexample === null || failure === undefined) return undefined;
  return {
    property: "configuration-robust",
    cause: failure.message,
    message: failure.message,
    details: failure.details,
    case: undefined,
    configuration: details.counterexample[0],
    seed,
    path: `c${details.counterexamplePath}`,
    shrinks: details.numShrinks,
    run: Number(details.counterexamplePath!.split(":")[0]),
    foundAfterMs,
    lastCalls: [],
  };
}

async function failureWith(filter: FilterOptions, budgetMs: number): Promise<HarnessError | undefined> {
  try {
    await using proxy = await createProxy({
      filters: [filter],
      upstreams: { upstream: {} },
      onUnknownUpstream: {},
      budgetMs,
    });
    await proxy.send({ path: "/" });
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    if (thrown.code === "GUEST_TRAPPED" || thrown.code === "GUEST_TIMEOUT") return thrown;
  }
  return undefined;
}
