import type { Context } from "./contexts.js";

/** Power of two. */
const slots = 256;

/**
 * The live contexts of a VM by id.
 *
 * Ids count up and streams are short: nearly all find a place of their own in a small ring, where coming and going costs
 * next to nothing; the others, roots and long-lived streams among them, are in a map.
 */
export class ContextTable {
  private readonly ring: (Context | undefined)[] = Array.from({ length: slots }, () => undefined);
  private readonly others = new Map<number, Context>();
  /** How many are in the ring. */
  private inRing = 0;

  add(context: Context): void {
    const at = context.id & (slots - 1);
    const there = this.ring[at];
    if (there === context) return;
    if (there === undefined) {
      this.ring[at] = context;
      this.inRing++;
    } else this.others.set(context.id, context);
  }

  get(id: number): Context | undefined {
    const there = this.ring[id & (slots - 1)];
    return there !== undefined && there.id === id ? there : this.others.get(id);
  }

  remove(context: Context): void {
    const at = context.id & (slots - 1);
    if (this.ring[at] === context) {
      this.ring[at] = undefined;
      this.inRing--;
    } else this.others.delete(context.id);
  }

  /** Removes and marks as deleted what is not one of these; adds those that were removed. */
  retain(contexts: ReadonlySet<Context>): void {
    for (const context of contexts) if (this.get(context.id) !== context) this.add(context);
    if (this.inRing + this.others.size === contexts.size) return;
    for (const context of this.all()) {
      if (contexts.has(context)) continue;
      context.deleted = true;
      this.remove(context);
    }
  }

  all(): readonly Context[] {
    const found = this.ring.filter((context) => context !== undefined);
    return [...found, ...this.others.values()].sort((a, b) => a.id - b.id);
  }
}
