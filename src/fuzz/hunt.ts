import type { FuzzCase } from "./case.js";
import type { Player } from "./player.js";
import type { FuzzProperty, Violation } from "./properties.js";

/** Finds one new cause at a time: while it is shrunk, only the same property counts as broken. */
export class Hunt {
  readonly known = new Set<string>();
  found: { readonly property: string; readonly violation: Violation; readonly at: number } | undefined;
  /** Whether the plugin failed in the case that was looked at last. */
  failed = false;
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
      const violation = property.check(given, played, (other) => this._player.play(other));
      if (violation === undefined || this.known.has(`${property.name}: ${violation.cause}`)) continue;
      if (this.found !== undefined && this.found.violation.cause !== violation.cause) continue;
      this.found ??= { property: property.name, violation, at: performance.now() };
      return violation;
    }
    return undefined;
  }
}
