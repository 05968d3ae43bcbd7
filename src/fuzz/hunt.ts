import type { FuzzCase } from "./case.js";
import type { Player } from "./player.js";
import type { FuzzProperty, Violation } from "./properties.js";

/** A case of a search: the run in which it was played, and how it came to be. */
export interface SearchedCase {
  readonly case: FuzzCase;
  readonly run: number;
  /** With the seed and the plugin it gives the same case again. */
  readonly lineage: string;
}

/** Where cases come from, run for run. */
export interface CaseSource {
  /** The next run. */
  readonly at: number;
  /** Plays some cases, to the first that breaks something: that one is answered. */
  next(most: number, timeLeftMs: number, player: Player, hunt: Hunt): SearchedCase | undefined;
  /** @throws {HarnessError} OPTION_INVALID for a lineage that leads nowhere. */
  caseOf(lineage: string): FuzzCase;
  /** Does what is no search: shrinking and showing. */
  apart<T>(work: () => T): T;
  /** Writes what was found worth keeping. @throws {HarnessError} FILE_UNREADABLE */
  save(): Promise<void>;
}

/** Finds one new cause at a time: while it is shrunk, only the same property counts as broken. */
export class Hunt {
  readonly known = new Set<string>();
  found: { readonly property: string; readonly violation: Violation; readonly at: number } | undefined;
  /** Whether the plugin failed in the case that was looked at last. */
  failed = false;
  /** One case is looked at by itself: it is compared with all that are like it, not with some. */
  thorough = false;
  private readonly _player: Player;
  private readonly _properties: readonly FuzzProperty[];

  constructor(player: Player, properties: readonly FuzzProperty[]) {
    this._player = player;
    this._properties = properties;
  }

  begin(): void {
    this.found = undefined;
  }

  holds(given: FuzzCase): boolean {
    return this.look(given) === undefined;
  }

  /**
   * The first new violation of a case; once one was met, only those of its cause.
   *
   * @param compares Asked once the case was played: whether properties are checked that play others like it. Default: they are.
   */
  look(given: FuzzCase, compares?: () => boolean): Violation | undefined {
    const played = this._player.play(given);
    this.failed = played.failure !== undefined;
    const compared = compares?.() ?? true;
    for (const property of this._properties) {
      if (property.compares === true && !compared) continue;
      if (this.found !== undefined && this.found.property !== property.name) continue;
      const thorough = this.thorough || this.found !== undefined;
      const violation = property.check(given, played, (other) => this._player.play(other), thorough);
      if (violation === undefined || this.known.has(`${property.name}: ${violation.cause}`)) continue;
      if (this.found !== undefined && this.found.violation.cause !== violation.cause) continue;
      this.found ??= { property: property.name, violation, at: performance.now() };
      return violation;
    }
    return undefined;
  }

  /**
   * Searches under one watchdog. Where that ends it, for a case hangs or all took too much time, the case that was cut off is
   * searched again with a budget of its own.
   */
  inBatch<T>(search: (onlyNext: boolean) => T): T {
    let found: { readonly by: T } | undefined;
    this.begin();
    this._player.batch(() => (found = { by: search(false) }));
    if (found !== undefined) return found.by;
    this.begin();
    return search(true);
  }
}
