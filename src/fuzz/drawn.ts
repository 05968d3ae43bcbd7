import fc from "fast-check";
import type { Random, Stream } from "fast-check";
import { Draw } from "./generate/draw.js";
import type { Shrink } from "./shrink.js";

/**
 * A generator and a shrinker of ours as fast-check sees them.
 *
 * Written with fast-check's combinators the same cases take ten times as long to make, and what was not made by them, such as a
 * file of a corpus, could not be shrunk.
 */
export class Drawn<T> extends fc.Arbitrary<T> {
  private readonly _draw: (draw: Draw) => T;
  private readonly _shrink: Shrink<T>;

  constructor(draw: (draw: Draw) => T, shrink: Shrink<T>) {
    super();
    this._draw = draw;
    this._shrink = shrink;
  }

  override generate(random: Random): fc.Value<T> {
    return new fc.Value(this._draw(new Draw(() => random.nextInt() >>> 0)), undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is T {
    return value !== undefined;
  }

  override shrink(value: T): Stream<fc.Value<T>> {
    const shrink = this._shrink;
    return fc.stream(
      (function* () {
        for (const smaller of shrink(value)) yield new fc.Value(smaller, undefined);
      })(),
    );
  }
}
