import fc from "fast-check";
import type { HarnessError } from "../../errors.js";
import type { FilterOptions } from "../../harness/proxy-options.js";
import { Drawn } from "../drawn.js";
import type { SideHunt } from "../side-hunt.js";
import type { Finding } from "../fuzz.js";
import { Draw, numbersOf } from "../generate/draw.js";
import type { Hints } from "../generate/vocabulary.js";
import { Vocabulary } from "../generate/vocabulary.js";
import type { Shard } from "../shard.js";
import type { Shrink } from "../shrink.js";
import { runOf, sharedRuns } from "../shard.js";
import { RawPlayer } from "./raw-player.js";
import type { IllegalStep, LegalStep } from "./steps.js";
import { drawIllegal, drawLegal, shrinkIllegal, shrinkLegal, stepText } from "./steps.js";

/** Lists of callbacks that are tried. */
const tries = 2000;
/** Tried at once, between two looks at the clock. */
const together = 50;

export const legalCallbacks = "legal-callbacks";
export const illegalCallbacks = "illegal-callbacks";

/** Lists of steps that a host may take; each makes a callback. */
export const legalSteps = (hints: Hints = {}): fc.Arbitrary<readonly LegalStep[]> => {
  const words = new Vocabulary(hints);
  return new Drawn<readonly LegalStep[]>((draw) => drawLegal(draw, words), shrinkLegal);
};

/** Lists of callbacks that no host makes in this order. @param callbacks Names of those that the plugin exports. */
export const illegalSteps = (callbacks: readonly string[]): fc.Arbitrary<readonly IllegalStep[]> =>
  new Drawn<readonly IllegalStep[]>((draw) => drawIllegal(draw, callbacks), shrinkIllegal);

/**
 * Properties about bare callbacks. `legal-callbacks`: in whatever order a host may make them, the plugin does not trap or hang.
 * `illegal-callbacks`: in any other order it may trap, for that loses a VM and nothing else, and does not hang.
 */
export class CallbackHunt implements SideHunt {
  spentMs = 0;
  private _at = 0;
  private _found = false;
  private readonly _player: RawPlayer;
  private readonly _property: string;
  private readonly _words: Vocabulary;
  private readonly _seed: number;
  private readonly _shard: Shard;

  private constructor(player: RawPlayer, property: string, hints: Hints, seed: number, shard: Shard) {
    this._player = player;
    this._property = property;
    this._seed = seed;
    this._shard = shard;
    this._words = new Vocabulary(hints);
  }

  /** @throws {HarnessError} As `loadPlugin`. */
  static async create(
    filter: FilterOptions,
    property: string,
    { seed, budgetMs, shard, hints }: { seed: number; budgetMs: number; shard: Shard; hints: Hints },
  ): Promise<CallbackHunt> {
    return new CallbackHunt(await RawPlayer.create(filter, budgetMs), property, hints, seed, shard);
  }

  get over(): boolean {
    return this._found || this._at >= sharedRuns(this._shard, tries);
  }

  /** Tries some lists. */
  async next(): Promise<Finding | undefined> {
    const begun = performance.now();
    const runs: number[] = [];
    for (let left = together; left > 0 && !this.over; left--) runs.push(runOf(this._shard, this._at++));
    let suspect: number | undefined;
    const isWhole = this._player.batch(() => {
      suspect = runs.find((run) => this._failure(this._steps(run)) !== undefined);
    });
    this.spentMs += performance.now() - begun;
    // the watchdog ended all of them: each is played with a budget of its own
    for (const run of isWhole ? runs.filter((one) => one === suspect) : runs) {
      const found = this._check(run);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** @param path Of a finding, without its first letter. */
  async replay(path: string): Promise<Finding | undefined> {
    const [, run, choices] = /^(\d+)(.*)$/.exec(path)!;
    return this._check(Number(run), choices);
  }

  close(): void {
    this._player.close();
  }

  private _failure(steps: readonly (LegalStep | IllegalStep)[]): HarnessError | undefined {
    if (this._property === legalCallbacks) return this._player.playLegal(steps as readonly LegalStep[]);
    const failure = this._player.playIllegal(steps as readonly IllegalStep[]);
    return failure?.code === "GUEST_TIMEOUT" ? failure : undefined;
  }

  /** Of a run alone, whatever runs came before. */
  private _steps(run: number): readonly (LegalStep | IllegalStep)[] {
    const draw = new Draw(numbersOf(this._seed, run));
    return this._property === legalCallbacks ? drawLegal(draw, this._words) : drawIllegal(draw, this._player.callbacks);
  }

  /** @param choices Of the shrinker, to play a finding again. */
  private _check(run: number, choices?: string): Finding | undefined {
    const begun = performance.now();
    let failure: HarnessError | undefined;
    let foundAt = 0;
    const drawn = this._steps(run);
    const shrink = (this._property === legalCallbacks ? shrinkLegal : shrinkIllegal) as Shrink<typeof drawn>;
    const details = fc.check(
      fc.property(new Drawn(() => drawn, shrink), (steps) => {
        let broken = this._failure(steps);
        // on a busy machine anything may take long once
        if (broken?.code === "GUEST_TIMEOUT") broken = this._failure(steps);
        if (broken === undefined) return true;
        if (failure === undefined) foundAt = performance.now();
        failure = broken;
        return false;
      }),
      { seed: this._seed, numRuns: 1, ...(choices !== undefined && { path: `0${choices}`, endOnFailure: true }) },
    );
    this.spentMs += performance.now() - begun;
    if (!details.failed || details.counterexample === null) return undefined;
    const [steps] = details.counterexample;
    const last = this._failure(steps) ?? failure;
    if (last === undefined) return undefined;
    this._found = true;
    return {
      property: this._property,
      cause: last.message.replace(/\d+/g, "N"),
      message: last.message,
      details: ["steps:", ...steps.map((one) => `  ${stepText(one)}`), ...last.details],
      case: undefined,
      configuration: undefined,
      seed: this._seed,
      path: `${letterOf(this._property)}${run}${choices ?? details.counterexamplePath!.replace(/^\d+/, "")}`,
      shrinks: details.numShrinks,
      run,
      foundAfterMs: foundAt,
      lastCalls: this._player.lastCalls(),
    };
  }
}

/** With which a path begins. */
export const letterOf = (property: string): string => (property === legalCallbacks ? "l" : "i");
