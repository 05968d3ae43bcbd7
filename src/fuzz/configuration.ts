import fc from "fast-check";
import { HarnessError } from "../errors.js";
import { configurationBytes } from "../harness/option-values.js";
import type { FilterOptions } from "../harness/proxy-options.js";
import { createProxy } from "../harness/create-proxy.js";
import { configurationNear } from "./arbitraries.js";
import type { Finding } from "./fuzz.js";
import type { Shard } from "./shard.js";
import { runOf, sharedRuns } from "./shard.js";
import type { SideHunt } from "./side-hunt.js";

/** Configurations that are tried: each starts a VM of its own. */
const tries = 150;

/**
 * Property `configuration-robust`: whatever the configuration, the plugin takes or refuses it; it never traps or hangs, neither
 * then nor at the first request under one that it took.
 */
export class ConfigurationHunt implements SideHunt {
  /** Real milliseconds spent so far. */
  spentMs = 0;
  private _at = 0;
  private _found = false;
  /** What the plugin does under the given configuration: that is not the fault of another. */
  private _own: Promise<HarnessError | undefined> | undefined;
  private readonly _filter: FilterOptions;
  private readonly _given: string;
  private readonly _seed: number;
  private readonly _budgetMs: number;
  private readonly _shard: Shard;

  constructor(
    filter: FilterOptions,
    { seed, budgetMs, shard }: { readonly seed: number; readonly budgetMs: number; readonly shard: Shard },
  ) {
    this._filter = filter;
    this._given = new TextDecoder().decode(configurationBytes(filter.configuration));
    this._seed = seed;
    this._budgetMs = budgetMs;
    this._shard = shard;
  }

  /** All were tried, or one was found: further ones would mostly break for the same reason. */
  get over(): boolean {
    return this._found || this._at >= sharedRuns(this._shard, tries);
  }

  /** Tries the next configuration. */
  next(): Promise<Finding | undefined> {
    return this._check(String(runOf(this._shard, this._at++)), false);
  }

  /** Tries the one of a finding again. @param path Its path without the "c". */
  replay(path: string): Promise<Finding | undefined> {
    return this._check(path, true);
  }

  close(): void {}

  private async _check(path: string, replayed: boolean): Promise<Finding | undefined> {
    const begun = performance.now();
    const { _filter: filter, _budgetMs: budgetMs, _seed: seed } = this;
    const own = reasonOf(await (this._own ??= failureWith(filter, budgetMs)));
    let failure: HarnessError | undefined;
    let foundAt = 0;
    const details = await fc.check(
      fc.asyncProperty(configurationNear(this._given), async (configuration) => {
        let broken = await failureWith({ ...filter, configuration }, budgetMs);
        // on a busy machine anything may take long once
        if (broken?.code === "GUEST_TIMEOUT") broken = await failureWith({ ...filter, configuration }, budgetMs);
        if (broken === undefined || reasonOf(broken) === own) return true;
        if (failure === undefined) foundAt = performance.now();
        failure = broken;
        return false;
      }),
      { seed, numRuns: 1, path, endOnFailure: replayed },
    );
    this.spentMs += performance.now() - begun;
    if (!details.failed || details.counterexample === null || failure === undefined) return undefined;
    this._found = true;
    return {
      property: "configuration-robust",
      cause: reasonOf(failure)!,
      message: failure.message,
      details: failure.details,
      case: undefined,
      configuration: details.counterexample[0],
      seed,
      path: `c${details.counterexamplePath}`,
      shrinks: details.numShrinks,
      run: Number(details.counterexamplePath!.split(":")[0]),
      foundAfterMs: foundAt,
      lastCalls: [],
    };
  }
}

/** The same for all configurations that break a plugin the same way. */
const reasonOf = (failure: HarnessError | undefined): string | undefined => failure?.message.replace(/\d+/g, "N");

/** How a plugin fails when it starts, or at the first request: traps and time-outs. */
export async function failureWith(filter: FilterOptions, budgetMs: number): Promise<HarnessError | undefined> {
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
